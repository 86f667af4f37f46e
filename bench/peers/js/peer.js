/* The official JavaScript client on the benchmark's record. Usage: peer.js RECORD.json SECONDS REGISTRY_URL; bench/run has
 * registered the schemas. Prints JSON lines as the C programs do. The client is found through NODE_PATH. */
const fs = require('fs');
const { SchemaRegistryClient, AvroSerializer, AvroDeserializer, SerdeType, FieldEncryptionExecutor, LocalKmsDriver } =
    require('@confluentinc/schemaregistry');

async function measure(fields, algorithm, op, seconds, call) {
    const cpu = () => { const u = process.cpuUsage(); return (u.user + u.system) / 1e6; };
    let n = 64;
    for (;;) {
        const start = cpu();
        for (let i = 0; i < n; i++) await call();
        const spent = cpu() - start;
        if (spent > seconds / 2) { n = Math.ceil(n * seconds / spent); break; }
        n *= 2;
    }
    const c = cpu(), w = process.hrtime.bigint();
    for (let i = 0; i < n; i++) await call();
    const spent = cpu() - c, wall = Number(process.hrtime.bigint() - w) / 1e9;
    console.log(JSON.stringify({ bench: 'avro', case: `${fields}f/${algorithm}`, op, impl: 'javascript', threads: 1,
        cpu_us: spent / n * 1e6, wall_us: wall / n * 1e6, n }));
}

async function main() {
    const [path, seconds, url] = [process.argv[2], Number(process.argv[3]), process.argv[4]];
    const doc = JSON.parse(fs.readFileSync(path, 'utf8'));
    FieldEncryptionExecutor.register();
    LocalKmsDriver.register();
    const client = SchemaRegistryClient.newClient({ baseURLs: [url] });
    const ruleConfig = { secret: doc.secret };
    const record = doc.record;
    // rules change the record that they are given: each call gets its own
    const fresh = () => ({ ...record, labels: [...record.labels] });
    for (const c of doc.cases) {
        const ser = new AvroSerializer(client, SerdeType.VALUE, { autoRegisterSchemas: false, useLatestVersion: true, ruleConfig });
        const de = new AvroDeserializer(client, SerdeType.VALUE, { ruleConfig });
        const data = await ser.serialize(c.topic, fresh());
        const back = await de.deserialize(c.topic, data);
        if (JSON.stringify({ ...back }) !== JSON.stringify(record)) throw new Error(`case ${c.fields} does not read back`);
        if (c.fields === 0) console.error('plain ' + data.subarray(5).toString('hex'));
        await measure(c.fields, doc.algorithm, 'serialize', seconds, () => ser.serialize(c.topic, fresh()));
        await measure(c.fields, doc.algorithm, 'deserialize', seconds, () => de.deserialize(c.topic, data));
    }
    process.exit(0);
}

main().catch((e) => { console.error('peer:', e); process.exit(1); });
