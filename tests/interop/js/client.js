/* The official JavaScript client (@confluentinc/schemaregistry) over kafkajs, as told by a job file; see ../run.
 * Usage: client.js JOB.json write|read. Prints one JSON line per task. The packages are found through NODE_PATH. */
const fs = require('fs');
const { Kafka, logLevel } = require('kafkajs');
const sr = require('@confluentinc/schemaregistry');
const pb = require('@bufbuild/protobuf');
const { FileDescriptorProtoSchema } = require('@bufbuild/protobuf/wkt');

const job = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const kafka = new Kafka({ clientId: 'interop', brokers: [job.bootstrap], logLevel: logLevel.NOTHING });
const registry = sr.SchemaRegistryClient.newClient({ baseURLs: [job.registry] });
const ruleConfig = { secret: job.secret };

/* The message of the Protobuf cells, without tags: those come from the registry. */
const file = pb.fromBinary(FileDescriptorProtoSchema, Buffer.from(job.descriptor, 'base64'));
const messages = pb.createFileRegistry(file, () => undefined);
const Person = messages.getMessage(`${file.package}.${file.messageType[0].name}`);

const answer = (line) => console.log(JSON.stringify(line));
const fail = (task, e) => answer({ id: task.id, ok: false, error: String((e && e.message) || e) });

/* Records: from and to the neutral form of the job file, by format. */
const formats = {
    AVRO: {
        serializer: (conf) => new sr.AvroSerializer(registry, sr.SerdeType.VALUE, conf),
        deserializer: (conf) => new sr.AvroDeserializer(registry, sr.SerdeType.VALUE, conf),
        toRecord: (r) => ({ ...r, photo: Buffer.from(r.photo, 'hex'), home: { ...r.home }, aliases: [...r.aliases],
            notes: { ...r.notes } }),
        fromRecord: (r) => ({ id: r.id, marker: r.marker, ssn: r.ssn, photo: Buffer.from(r.photo).toString('hex'), phone: r.phone,
            home: { street: r.home.street, zip: r.home.zip }, aliases: [...r.aliases], notes: { ...r.notes } }),
    },
    PROTOBUF: {
        serializer: (conf) => new sr.ProtobufSerializer(registry, sr.SerdeType.VALUE, { ...conf, registry: messages }),
        deserializer: (conf) => new sr.ProtobufDeserializer(registry, sr.SerdeType.VALUE, conf),
        toRecord: (r) => pb.create(Person, { id: BigInt(r.id), marker: r.marker, ssn: r.ssn, photo: Buffer.from(r.photo, 'hex'),
            ...(r.phone === null ? {} : { phone: r.phone }) }),
        fromRecord: (m) => ({ id: Number(m.id), marker: m.marker, ssn: m.ssn, photo: Buffer.from(m.photo).toString('hex'),
            phone: m.phone === undefined ? null : m.phone }),
    },
    JSON: {
        serializer: (conf) => new sr.JsonSerializer(registry, sr.SerdeType.VALUE, conf),
        deserializer: (conf) => new sr.JsonDeserializer(registry, sr.SerdeType.VALUE, conf),
        toRecord: (r) => ({ ...r, home: { ...r.home }, aliases: [...r.aliases] }),
        fromRecord: (r) => r,
    },
};

async function write(tasks) {
    const producer = kafka.producer();
    await producer.connect();
    for (const task of tasks) {
        try {
            const conf = { autoRegisterSchemas: false, useLatestVersion: true, ruleConfig };
            if (task.framing === 'header') conf.schemaIdSerializer = sr.HeaderSchemaIdSerializer;
            const format = formats[task.format];
            const ser = format.serializer(conf);
            const values = [];
            for (const r of task.records) {
                const headers = {};
                values.push({ value: await ser.serialize(task.topic, format.toRecord(r), headers), headers });
            }
            await producer.send({ topic: task.topic, acks: -1, messages: values });
            answer({ id: task.id, ok: true });
        } catch (e) { fail(task, e); }
    }
    await producer.disconnect();
}

async function read(tasks) {
    const consumer = kafka.consumer({ groupId: 'interop-js', sessionTimeout: 10000 });
    const raw = new Map(tasks.map((t) => [t.topic, []]));
    let missing = tasks.reduce((n, t) => n + t.count, 0);
    await consumer.connect();
    await consumer.subscribe({ topics: [...raw.keys()], fromBeginning: true });
    await new Promise((resolve, reject) => {
        if (missing === 0) resolve();
        setTimeout(resolve, job.timeout * 1000);
        consumer.run({ eachMessage: async ({ topic, message }) => { raw.get(topic).push(message); if (--missing === 0) resolve(); } }).catch(reject);
    });
    for (const task of tasks) {
        try {
            const values = raw.get(task.topic);
            if (values.length !== task.count) throw new Error(`${values.length} of ${task.count} records arrived`);
            const format = formats[task.format];
            const de = format.deserializer({ ruleConfig });
            const records = [];
            for (const m of values) records.push(format.fromRecord(await de.deserialize(task.topic, m.value, m.headers)));
            answer({ id: task.id, ok: true, records });
        } catch (e) { fail(task, e); }
    }
    consumer.disconnect();
}

async function main() {
    sr.FieldEncryptionExecutor.register();
    sr.EncryptionExecutor.register();
    sr.LocalKmsDriver.register();
    if (process.argv[3] === 'write') await write(job.write);
    else await read(job.read);
    process.exit(0);
}

main().catch((e) => { console.error(e); process.exit(1); });
