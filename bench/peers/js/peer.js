/* The official JavaScript client on the benchmark's records. Usage: peer.js RECORD.json SECONDS REGISTRY_URL; bench/run has
 * registered the schemas. Prints JSON lines as the C programs do. The client is found through NODE_PATH. */
const fs = require('fs');
const sr = require('@confluentinc/schemaregistry');
const pb = require('@bufbuild/protobuf');
const { FileDescriptorProtoSchema } = require('@bufbuild/protobuf/wkt');

async function measure(c, op, seconds, call) {
    const cpu = () => { const u = process.cpuUsage(); return (u.user + u.system) / 1e6; };
    let n = 16;
    for (;;) {
        const start = cpu();
        for (let i = 0; i < n; i++) await call();
        const spent = cpu() - start;
        if (spent > seconds / 2) { n = Math.ceil(n * seconds / spent); break; }
        n *= 2;
    }
    const began = cpu(), w = process.hrtime.bigint();
    for (let i = 0; i < n; i++) await call();
    const spent = cpu() - began, wall = Number(process.hrtime.bigint() - w) / 1e9;
    console.log(JSON.stringify({ bench: c.bench, case: c.case, op, impl: 'javascript', threads: 1,
        cpu_us: spent / n * 1e6, wall_us: wall / n * 1e6, n }));
}

/* fresh: rules change the record that they are given, so each call gets its own. text: for comparing. */
function prepare(c, doc, client) {
    const ruleConfig = { secret: doc.secret };
    const conf = { autoRegisterSchemas: false, useLatestVersion: true, ruleConfig };
    const record = c.body ? { body: Buffer.from(Array.from({ length: c.body }, (_, i) => (i * 31) & 255)) }
        : { ...doc.record, ...(c.fields === 20 ? doc.extra : {}) };
    const fresh = () => (c.body ? { ...record } : { ...record, labels: [...record.labels] });
    if (c.type === 'PROTOBUF') {
        const file = pb.fromBinary(FileDescriptorProtoSchema, Buffer.from(c.descriptor, 'base64'));
        const registry = pb.createFileRegistry(file, () => undefined);
        const kind = registry.getMessage(`bench.${file.messageType[0].name}`);
        const fields = { ...record, id: BigInt(record.id), created: BigInt(record.created),
            country: doc.countries.indexOf(record.country) };
        const text = (m) => Buffer.from(pb.toBinary(kind, m)).toString('hex');
        return { fresh: () => pb.create(kind, { ...fields, labels: [...record.labels] }), text: (m) => text(pb.create(kind, m)),
            ser: new sr.ProtobufSerializer(client, sr.SerdeType.VALUE, { ...conf, registry }),
            de: new sr.ProtobufDeserializer(client, sr.SerdeType.VALUE, { ruleConfig }) };
    }
    const text = (r) => JSON.stringify({ ...r });
    if (c.type === 'JSON') {
        return { fresh, text, ser: new sr.JsonSerializer(client, sr.SerdeType.VALUE, conf),
            de: new sr.JsonDeserializer(client, sr.SerdeType.VALUE, { ruleConfig }) };
    }
    return { fresh, text, ser: new sr.AvroSerializer(client, sr.SerdeType.VALUE, conf),
        de: new sr.AvroDeserializer(client, sr.SerdeType.VALUE, { ruleConfig }) };
}

async function run(c, doc, client, seconds) {
    const { fresh, text, ser, de } = prepare(c, doc, client);
    const data = await ser.serialize(c.topic, fresh());
    const back = await de.deserialize(c.topic, data);
    if (text(back) !== text(fresh())) throw new Error('does not read back');
    if (c.fields === 0 && !c.body) console.error(`plain ${c.bench} ${data.subarray(5).toString('hex')}`);
    await measure(c, 'serialize', seconds, () => ser.serialize(c.topic, fresh()));
    await measure(c, 'deserialize', seconds, () => de.deserialize(c.topic, data));
}

async function main() {
    const [path, seconds, url] = [process.argv[2], Number(process.argv[3]), process.argv[4]];
    const doc = JSON.parse(fs.readFileSync(path, 'utf8'));
    sr.FieldEncryptionExecutor.register();
    sr.EncryptionExecutor.register();
    sr.LocalKmsDriver.register();
    const client = sr.SchemaRegistryClient.newClient({ baseURLs: [url] });
    for (const c of doc.cases.filter((one) => one.peers)) {
        try {
            await run(c, doc, client, seconds);
        } catch (e) {
            console.error(`cannot ${c.bench} ${c.case}: ${(e && e.message) || e}`);
        }
    }
    process.exit(0);
}

main().catch((e) => { console.error('peer:', e); process.exit(1); });
