// The official Go client (confluent-kafka-go, avrov2 serializer), as told by a job file; see ../run.
// Usage: client JOB.json write|read. Prints one JSON line per task.
package main

import (
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

// A person as the job file has it; photo in hex.
type neutral struct {
	ID      int64             `json:"id"`
	Marker  string            `json:"marker"`
	SSN     string            `json:"ssn"`
	Photo   hexBytes          `json:"photo"`
	Phone   *string           `json:"phone"`
	Home    address           `json:"home"`
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

type task struct {
	ID      string    `json:"id"`
	Topic   string    `json:"topic"`
	Framing string    `json:"framing"`
	Records []neutral `json:"records"`
	Count   int       `json:"count"`
}

type job struct {
	Bootstrap string `json:"bootstrap"`
	Registry  string `json:"registry"`
	Secret    string `json:"secret"`
	Timeout   int    `json:"timeout"`
	Write     []task `json:"write"`
	Read      []task `json:"read"`
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

func (j *job) writeTask(client sr.Client, producer *kafka.Producer, t *task) error {
	conf := avrov2.NewSerializerConfig()
	conf.AutoRegisterSchemas, conf.UseLatestVersion = false, true
	conf.RuleConfig = map[string]string{"secret": j.Secret}
	ser, err := avrov2.NewSerializer(client, serde.ValueSerde, conf)
	if err != nil {
		return err
	}
	if t.Framing == "header" {
		ser.SchemaIDSerializer = serde.HeaderSchemaIDSerializer
	}
	for _, n := range t.Records {
		p := person{n.ID, n.Marker, n.SSN, n.Photo, n.Phone, n.Home, n.Aliases, n.Notes}
		headers, value, err := ser.SerializeWithHeaders(t.Topic, &p)
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

func (j *job) readTask(client sr.Client, messages []*kafka.Message, t *task) ([]neutral, error) {
	if len(messages) != t.Count {
		return nil, fmt.Errorf("%d of %d records arrived", len(messages), t.Count)
	}
	conf := avrov2.NewDeserializerConfig()
	conf.RuleConfig = map[string]string{"secret": j.Secret}
	de, err := avrov2.NewDeserializer(client, serde.ValueSerde, conf)
	if err != nil {
		return nil, err
	}
	var records []neutral
	for _, m := range messages {
		var p person
		if err = de.DeserializeWithHeadersInto(t.Topic, m.Headers, m.Value, &p); err != nil {
			return nil, err
		}
		// the decoder leaves what is empty at nil
		if p.Aliases == nil {
			p.Aliases = []string{}
		}
		if p.Notes == nil {
			p.Notes = map[string]string{}
		}
		records = append(records, neutral{p.ID, p.Marker, p.SSN, p.Photo, p.Phone, p.Home, p.Aliases, p.Notes})
	}
	return records, nil
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	must(err)
	var j job
	must(json.Unmarshal(text, &j))
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
