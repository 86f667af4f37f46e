// The Rust crate schema-registry-client on the benchmark's records, Avro and JSON (its Protobuf deserializer wants messages
// compiled in). bench/run has registered the schemas. Usage: peer RECORD.json SECONDS REGISTRY_URL; prints JSON lines as the C
// programs do.
use apache_avro::types::Value as Avro;
use schema_registry_client::rest::client_config::ClientConfig;
use schema_registry_client::rest::dek_registry_client::DekRegistryClient;
use schema_registry_client::rest::schema_registry_client::{Client, SchemaRegistryClient};
use schema_registry_client::rules::encryption::encrypt_executor::{EncryptionExecutor, FieldEncryptionExecutor, SystemClock};
use schema_registry_client::rules::encryption::localkms::local_driver::LocalKmsDriver;
use schema_registry_client::serdes::avro::{AvroDeserializer, AvroSerializer};
use schema_registry_client::serdes::config::{DeserializerConfig, SchemaSelector, SerializerConfig};
use schema_registry_client::serdes::json::{JsonDeserializer, JsonSerializer};
use schema_registry_client::serdes::rule_registry::RuleRegistry;
use schema_registry_client::serdes::serde::{SerdeFormat, SerdeType, SerializationContext, SubjectNameStrategyType};
use serde_json::{json, Value as Json};
use std::collections::HashMap;
use std::error::Error;
use std::time::Instant;

fn cpu() -> f64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: t is a valid timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut t) };
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}

/// Calls $call about $seconds long and prints one line.
macro_rules! measure {
    ($case:expr, $op:expr, $seconds:expr, $call:expr) => {{
        let mut n = 16usize;
        loop {
            let began = cpu();
            for _ in 0..n {
                $call;
            }
            let spent = cpu() - began;
            if spent > $seconds / 4.0 {
                n = (n as f64 * $seconds / spent) as usize + 1;
                break;
            }
            n *= 2;
        }
        let (began, wall) = (cpu(), Instant::now());
        for _ in 0..n {
            $call;
        }
        let (spent, wall) = (cpu() - began, wall.elapsed().as_secs_f64());
        println!("{}", json!({"bench": $case["bench"], "case": $case["case"], "op": $op, "impl": "rust", "threads": 1,
            "cpu_us": spent / n as f64 * 1e6, "wall_us": wall / n as f64 * 1e6, "n": n}));
    }};
}

/// One field of the record as its Avro type.
fn avro_field(name: &str, value: &Json, countries: &Json) -> Avro {
    let text = || value.as_str().unwrap_or_default().to_string();
    match name {
        "id" | "created" => Avro::Long(value.as_i64().unwrap_or_default()),
        "balance" => Avro::Double(value.as_f64().unwrap_or_default()),
        "active" => Avro::Boolean(value.as_bool().unwrap_or_default()),
        "note" => Avro::Union(1, Box::new(Avro::String(text()))),
        "labels" => Avro::Array(value.as_array().into_iter().flatten()
            .map(|v| Avro::String(v.as_str().unwrap_or_default().to_string())).collect()),
        "country" => {
            let at = countries.as_array().into_iter().flatten().position(|c| c == value).unwrap_or_default();
            Avro::Enum(at as u32, text())
        }
        _ => Avro::String(text()),
    }
}

fn plain_record(case: &Json, doc: &Json) -> Vec<(String, Json)> {
    let parts = [Some(&doc["record"]), (case["fields"] == 20).then(|| &doc["extra"])];
    parts.into_iter().flatten().filter_map(Json::as_object).flatten().map(|(k, v)| (k.clone(), v.clone())).collect()
}

async fn run(case: &Json, doc: &Json, client: &SchemaRegistryClient, seconds: f64) -> Result<(), Box<dyn Error>> {
    let rules = HashMap::from([("secret".to_string(), doc["secret"].as_str().unwrap_or_default().to_string())]);
    let registry = RuleRegistry::new();
    registry.register_executor(FieldEncryptionExecutor::<DekRegistryClient>::new(SystemClock::new()));
    registry.register_executor(EncryptionExecutor::<DekRegistryClient>::new(SystemClock::new()));
    let mut sc = SerializerConfig::new(false, Some(SchemaSelector::LatestVersion), false, false, rules.clone());
    let mut dc = DeserializerConfig::new(None, false, rules);
    sc.subject_name_strategy_type = SubjectNameStrategyType::Topic;
    dc.subject_name_strategy_type = SubjectNameStrategyType::Topic;
    let is_json = case["type"] == "JSON";
    let ctx = SerializationContext {
        topic: case["topic"].as_str().unwrap_or_default().to_string(),
        serde_type: SerdeType::Value,
        serde_format: if is_json { SerdeFormat::Json } else { SerdeFormat::Avro },
        headers: None,
    };
    let fields = plain_record(case, doc);
    let show = |data: &[u8]| {
        if case["fields"] == 0 && case["body"] == 0 {
            let hex: String = data[5..].iter().map(|b| format!("{b:02x}")).collect();
            eprintln!("plain {} {hex}", case["bench"].as_str().unwrap_or_default());
        }
    };
    if is_json {
        let record = Json::Object(fields.into_iter().collect());
        let ser = JsonSerializer::new(client, None, Some(registry.clone()), sc)?;
        let de = JsonDeserializer::new(client, Some(registry), dc)?;
        let data = ser.serialize(&ctx, record.clone()).await?;
        if de.deserialize(&ctx, &data).await? != record {
            return Err("does not read back".into());
        }
        show(&data);
        measure!(case, "serialize", seconds, ser.serialize(&ctx, record.clone()).await?);
        measure!(case, "deserialize", seconds, de.deserialize(&ctx, &data).await?);
        return Ok(());
    }
    let body = case["body"].as_u64().unwrap_or_default() as usize;
    let record = if body > 0 {
        Avro::Record(vec![("body".to_string(), Avro::Bytes((0..body).map(|i| (i * 31) as u8).collect()))])
    } else {
        Avro::Record(fields.iter().map(|(k, v)| (k.clone(), avro_field(k, v, &doc["countries"]))).collect())
    };
    let ser = AvroSerializer::new(client, None, Some(registry.clone()), sc)?;
    let de = AvroDeserializer::new(client, Some(registry), dc)?;
    let data = ser.serialize(&ctx, record.clone()).await?;
    if de.deserialize(&ctx, &data).await?.value != record {
        return Err("does not read back".into());
    }
    show(&data);
    measure!(case, "serialize", seconds, ser.serialize(&ctx, record.clone()).await?);
    measure!(case, "deserialize", seconds, de.deserialize(&ctx, &data).await?);
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let doc: Json = serde_json::from_str(&std::fs::read_to_string(&args[1])?)?;
    let seconds: f64 = args[2].parse()?;
    LocalKmsDriver::register();
    let client = SchemaRegistryClient::new(ClientConfig::new(vec![args[3].clone()]));
    for case in doc["cases"].as_array().into_iter().flatten() {
        if case["peers"] == true && case["type"] != "PROTOBUF" {
            if let Err(e) = run(case, &doc, &client, seconds).await {
                eprintln!("cannot {} {}: {e:?}", case["bench"].as_str().unwrap_or_default(), case["case"].as_str().unwrap_or_default());
            }
        }
    }
    Ok(())
}
