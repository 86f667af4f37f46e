// The official Go client (confluent-kafka-go: avrov2, protobuf, jsonschema), as told by a job file; see ../run.
// Usage: client JOB.json write|read. Prints one JSON line per task.
package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
	sr "github.com/confluentinc/confluent-kafka-go/v2/schemaregistry"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry/rules/encryption"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry/rules/encryption/localkms"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry/serde"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry/serde/avrov2"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry/serde/jsonschema"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry/serde/protobuf"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

type address struct {
	Street string `avro:"street" json:"street"`
	Zip    string `avro:"zip" json:"zip"`
}

// A person as the job file has it; photo in hex. Formats other than Avro leave some fields out (cells.py).
type neutral struct {
	ID      int64             `json:"id"`
	Marker  string            `json:"marker"`
	SSN     string            `json:"ssn"`
	Photo   hexBytes          `json:"photo"`
	Phone   *string           `json:"phone"`
	Home    *address          `json:"home,omitempty"`
	Aliases []string          `json:"aliases"`
	Notes   map[string]string `json:"notes"`
}

// The same for the Avro encoder, which wants plain types.
type person struct {
	ID      int64             `avro:"id"`
	Marker  string            `avro:"marker"`
	SSN     string            `avro:"ssn"`
	Photo   []byte            `avro:"photo"`
	Phone   *string           `avro:"phone"`
	Home    address           `avro:"home"`
	Aliases []string          `avro:"aliases"`
	Notes   map[string]string `avro:"notes"`
}

// And for the JSON encoder.
type document struct {
	ID      int64    `json:"id"`
	Marker  string   `json:"marker"`
	SSN     string   `json:"ssn"`
	Photo   string   `json:"photo"`
	Phone   *string  `json:"phone"`
	Home    address  `json:"home"`
	Aliases []string `json:"aliases"`
}

type task struct {
	ID      string    `json:"id"`
	Topic   string    `json:"topic"`
	Format  string    `json:"format"`
	Framing string    `json:"framing"`
	Records []neutral `json:"records"`
	Count   int       `json:"count"`
}

type job struct {
	Bootstrap  string `json:"bootstrap"`
	Registry   string `json:"registry"`
	Secret     string `json:"secret"`
	Timeout    int    `json:"timeout"`
	Descriptor string `json:"descriptor"`
	Write      []task `json:"write"`
	Read       []task `json:"read"`
	message    protoreflect.MessageDescriptor
}

type result struct {
	ID      string    `json:"id"`
	OK      bool      `json:"ok"`
	Error   string    `json:"error,omitempty"`
	Records []neutral `json:"records,omitempty"`
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

func answer(t task, records []neutral, err error) {
	r := result{ID: t.ID, OK: err == nil, Records: records}
	if err != nil {
		r.Error = err.Error()
	}
	line, err := json.Marshal(r)
	must(err)
	fmt.Println(string(line))
}

// A panic of the client is the result of one cell.
func guarded(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("panic: %v", p)
	}
}

// ---- records ----

func (j *job) toMessage(n neutral) *dynamicpb.Message {
	m := dynamicpb.NewMessage(j.message)
	set := func(name string, v interface{}) {
		m.Set(j.message.Fields().ByName(protoreflect.Name(name)), protoreflect.ValueOf(v))
	}
	set("id", n.ID)
	set("marker", n.Marker)
	set("ssn", n.SSN)
	set("photo", []byte(n.Photo))
	if n.Phone != nil {
		set("phone", *n.Phone)
	}
	return m
}

func (j *job) fromMessage(m *dynamicpb.Message) neutral {
	get := func(name string) protoreflect.Value { return m.Get(j.message.Fields().ByName(protoreflect.Name(name))) }
	n := neutral{ID: get("id").Int(), Marker: get("marker").String(), SSN: get("ssn").String(), Photo: get("photo").Bytes()}
	if m.Has(j.message.Fields().ByName("phone")) {
		s := get("phone").String()
		n.Phone = &s
	}
	return n
}

func toDocument(n neutral) *document {
	return &document{n.ID, n.Marker, n.SSN, hex.EncodeToString(n.Photo), n.Phone, *n.Home, n.Aliases}
}

func fromDocument(d *document) (neutral, error) {
	photo, err := hex.DecodeString(d.Photo)
	home := d.Home
	return neutral{d.ID, d.Marker, d.SSN, photo, d.Phone, &home, d.Aliases, nil}, err
}

func toPerson(n neutral) *person {
	return &person{n.ID, n.Marker, n.SSN, n.Photo, n.Phone, *n.Home, n.Aliases, n.Notes}
}

func fromPerson(p *person) neutral {
	// the decoder leaves what is empty at nil
	if p.Aliases == nil {
		p.Aliases = []string{}
	}
	if p.Notes == nil {
		p.Notes = map[string]string{}
	}
	home := p.Home
	return neutral{p.ID, p.Marker, p.SSN, p.Photo, p.Phone, &home, p.Aliases, p.Notes}
}

// ---- serializers ----

type serializeFunc func(topic string, n neutral) ([]kafka.Header, []byte, error)

func (j *job) serializer(client sr.Client, t *task) (serializeFunc, error) {
	rules := map[string]string{"secret": j.Secret}
	header := t.Framing == "header"
	switch t.Format {
	case "PROTOBUF":
		conf := protobuf.NewSerializerConfig()
		conf.AutoRegisterSchemas, conf.UseLatestVersion, conf.RuleConfig = false, true, rules
		ser, err := protobuf.NewSerializer(client, serde.ValueSerde, conf)
		if err != nil {
			return nil, err
		}
		if header {
			ser.SchemaIDSerializer = serde.HeaderSchemaIDSerializer
		}
		return func(topic string, n neutral) ([]kafka.Header, []byte, error) {
			return ser.SerializeWithHeaders(topic, j.toMessage(n))
		}, nil
	case "JSON":
		conf := jsonschema.NewSerializerConfig()
		conf.AutoRegisterSchemas, conf.UseLatestVersion, conf.RuleConfig = false, true, rules
		ser, err := jsonschema.NewSerializer(client, serde.ValueSerde, conf)
		if err != nil {
			return nil, err
		}
		if header {
			ser.SchemaIDSerializer = serde.HeaderSchemaIDSerializer
		}
		return func(topic string, n neutral) ([]kafka.Header, []byte, error) {
			return ser.SerializeWithHeaders(topic, toDocument(n))
		}, nil
	default:
		conf := avrov2.NewSerializerConfig()
		conf.AutoRegisterSchemas, conf.UseLatestVersion, conf.RuleConfig = false, true, rules
		ser, err := avrov2.NewSerializer(client, serde.ValueSerde, conf)
		if err != nil {
			return nil, err
		}
		if header {
			ser.SchemaIDSerializer = serde.HeaderSchemaIDSerializer
		}
		return func(topic string, n neutral) ([]kafka.Header, []byte, error) {
			return ser.SerializeWithHeaders(topic, toPerson(n))
		}, nil
	}
}

func (j *job) writeTask(client sr.Client, producer *kafka.Producer, t *task) (err error) {
	defer guarded(&err)
	serialize, err := j.serializer(client, t)
	if err != nil {
		return err
	}
	for _, n := range t.Records {
		headers, value, err := serialize(t.Topic, n)
		if err != nil {
			return err
		}
		done := make(chan kafka.Event, 1)
		message := &kafka.Message{TopicPartition: kafka.TopicPartition{Topic: &t.Topic, Partition: 0}, Value: value, Headers: headers}
		if err = producer.Produce(message, done); err != nil {
			return err
		}
		if err = (<-done).(*kafka.Message).TopicPartition.Error; err != nil {
			return err
		}
	}
	return nil
}

// ---- deserializers ----

type deserializeFunc func(m *kafka.Message) (neutral, error)

func (j *job) deserializer(client sr.Client, t *task) (deserializeFunc, error) {
	rules := map[string]string{"secret": j.Secret}
	switch t.Format {
	case "PROTOBUF":
		conf := protobuf.NewDeserializerConfig()
		conf.RuleConfig = rules
		de, err := protobuf.NewDeserializer(client, serde.ValueSerde, conf)
		return func(m *kafka.Message) (neutral, error) {
			message := dynamicpb.NewMessage(j.message)
			err := de.DeserializeWithHeadersInto(t.Topic, m.Headers, m.Value, message)
			return j.fromMessage(message), err
		}, err
	case "JSON":
		conf := jsonschema.NewDeserializerConfig()
		conf.RuleConfig = rules
		de, err := jsonschema.NewDeserializer(client, serde.ValueSerde, conf)
		return func(m *kafka.Message) (neutral, error) {
			var d document
			if err := de.DeserializeWithHeadersInto(t.Topic, m.Headers, m.Value, &d); err != nil {
				return neutral{}, err
			}
			return fromDocument(&d)
		}, err
	default:
		conf := avrov2.NewDeserializerConfig()
		conf.RuleConfig = rules
		de, err := avrov2.NewDeserializer(client, serde.ValueSerde, conf)
		return func(m *kafka.Message) (neutral, error) {
			var p person
			err := de.DeserializeWithHeadersInto(t.Topic, m.Headers, m.Value, &p)
			return fromPerson(&p), err
		}, err
	}
}

func (j *job) readTask(client sr.Client, messages []*kafka.Message, t *task) (records []neutral, err error) {
	defer guarded(&err)
	if len(messages) != t.Count {
		return nil, fmt.Errorf("%d of %d records arrived", len(messages), t.Count)
	}
	deserialize, err := j.deserializer(client, t)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		n, err := deserialize(m)
		if err != nil {
			return nil, err
		}
		records = append(records, n)
	}
	return records, nil
}

func (j *job) fetch() map[string][]*kafka.Message {
	consumer, err := kafka.NewConsumer(&kafka.ConfigMap{"bootstrap.servers": j.Bootstrap, "group.id": "interop-go", "enable.auto.commit": false})
	must(err)
	defer consumer.Close()
	var parts []kafka.TopicPartition
	missing := 0
	for i := range j.Read {
		parts = append(parts, kafka.TopicPartition{Topic: &j.Read[i].Topic, Partition: 0, Offset: 0})
		missing += j.Read[i].Count
	}
	must(consumer.Assign(parts))
	raw := map[string][]*kafka.Message{}
	for end := time.Now().Add(time.Duration(j.Timeout) * time.Second); missing > 0 && time.Now().Before(end); {
		if m, err := consumer.ReadMessage(500 * time.Millisecond); err == nil {
			raw[*m.TopicPartition.Topic] = append(raw[*m.TopicPartition.Topic], m)
			missing--
		}
	}
	return raw
}

// The message of the Protobuf cells, without tags: those come from the registry.
func (j *job) loadDescriptor() {
	bytes, err := base64.StdEncoding.DecodeString(j.Descriptor)
	must(err)
	var file descriptorpb.FileDescriptorProto
	must(proto.Unmarshal(bytes, &file))
	fd, err := protodesc.NewFile(&file, nil)
	must(err)
	j.message = fd.Messages().Get(0)
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	must(err)
	var j job
	must(json.Unmarshal(text, &j))
	j.loadDescriptor()
	encryption.Register()
	localkms.Register()
	client, err := sr.NewClient(sr.NewConfig(j.Registry))
	must(err)
	if os.Args[2] == "write" {
		producer, err := kafka.NewProducer(&kafka.ConfigMap{"bootstrap.servers": j.Bootstrap, "linger.ms": 0})
		must(err)
		for i := range j.Write {
			answer(j.Write[i], nil, j.writeTask(client, producer, &j.Write[i]))
		}
		producer.Close()
		return
	}
	raw := j.fetch()
	for i := range j.Read {
		records, err := j.readTask(client, raw[j.Read[i].Topic], &j.Read[i])
		answer(j.Read[i], records, err)
	}
}
