// The official Go client on the benchmark's records: avrov2, jsonschema and protobuf serializers, encryption of fields and of
// payloads, local KMS. bench/run has registered the schemas and made customer.pb.go.
// Usage: peer RECORD.json SECONDS REGISTRY_URL; prints JSON lines as the C programs do.
package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	sr "github.com/confluentinc/confluent-kafka-go/v2/schemaregistry"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry/rules/encryption"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry/rules/encryption/localkms"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry/serde"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry/serde/avrov2"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry/serde/jsonschema"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry/serde/protobuf"
	"google.golang.org/protobuf/proto"
)

type customer struct {
	ID      int64    `avro:"id" json:"id"`
	Email   string   `avro:"email" json:"email"`
	Name    string   `avro:"name" json:"name"`
	Account string   `avro:"account" json:"account"`
	Street  string   `avro:"street" json:"street"`
	City    string   `avro:"city" json:"city"`
	Country string   `avro:"country" json:"country"`
	Created int64    `avro:"created" json:"created"`
	Balance float64  `avro:"balance" json:"balance"`
	Active  bool     `avro:"active" json:"active"`
	Note    *string  `avro:"note" json:"note"`
	Labels  []string `avro:"labels" json:"labels"`
}

// The encoders want all fields in one struct.
type wide struct {
	ID      int64    `avro:"id" json:"id"`
	Email   string   `avro:"email" json:"email"`
	Name    string   `avro:"name" json:"name"`
	Account string   `avro:"account" json:"account"`
	Street  string   `avro:"street" json:"street"`
	City    string   `avro:"city" json:"city"`
	Country string   `avro:"country" json:"country"`
	Created int64    `avro:"created" json:"created"`
	Balance float64  `avro:"balance" json:"balance"`
	Active  bool     `avro:"active" json:"active"`
	Note    *string  `avro:"note" json:"note"`
	Labels  []string `avro:"labels" json:"labels"`
	X01     string   `avro:"x01" json:"x01"`
	X02     string   `avro:"x02" json:"x02"`
	X03     string   `avro:"x03" json:"x03"`
	X04     string   `avro:"x04" json:"x04"`
	X05     string   `avro:"x05" json:"x05"`
	X06     string   `avro:"x06" json:"x06"`
	X07     string   `avro:"x07" json:"x07"`
	X08     string   `avro:"x08" json:"x08"`
	X09     string   `avro:"x09" json:"x09"`
	X10     string   `avro:"x10" json:"x10"`
	X11     string   `avro:"x11" json:"x11"`
	X12     string   `avro:"x12" json:"x12"`
	X13     string   `avro:"x13" json:"x13"`
	X14     string   `avro:"x14" json:"x14"`
	X15     string   `avro:"x15" json:"x15"`
	X16     string   `avro:"x16" json:"x16"`
	X17     string   `avro:"x17" json:"x17"`
}

type blob struct {
	Body []byte `avro:"body"`
}

type benchCase struct {
	Bench   string `json:"bench"`
	Case    string `json:"case"`
	Type    string `json:"type"`
	Topic   string `json:"topic"`
	Fields  int    `json:"fields"`
	Body    int    `json:"body"`
	Peers   bool   `json:"peers"`
	Threads []int  `json:"threads"`
}

type document struct {
	Record json.RawMessage `json:"record"`
	Extra  json.RawMessage `json:"extra"`
	Secret string          `json:"secret"`
	Cases  []benchCase     `json:"cases"`
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

// CPU time of the process, collector included.
func cpu() time.Duration {
	var u syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Runs call n times in each of so many threads.
func repeat(threads, n int, call func()) {
	if threads == 1 {
		for i := 0; i < n; i++ {
			call()
		}
		return
	}
	var all sync.WaitGroup
	for range threads {
		all.Add(1)
		go func() {
			repeat(1, n, call)
			all.Done()
		}()
	}
	all.Wait()
}

func measure(c *benchCase, op string, threads int, seconds float64, call func()) {
	n := 16
	for {
		t := cpu()
		repeat(threads, n, call)
		spent := (cpu() - t).Seconds()
		if spent > seconds/4 {
			n = int(float64(n)*seconds/spent) + 1
			break
		}
		n *= 2
	}
	t, w := cpu(), time.Now()
	repeat(threads, n, call)
	spent, wall := cpu()-t, time.Since(w)
	n *= threads
	line, err := json.Marshal(map[string]any{"bench": c.Bench, "case": c.Case, "op": op, "impl": "go", "threads": threads,
		"cpu_us": spent.Seconds() * 1e6 / float64(n), "wall_us": wall.Seconds() * 1e6 / float64(n), "n": n})
	must(err)
	fmt.Println(string(line))
}

type peer struct {
	client   sr.Client
	document *document
}

func (p *peer) rules() map[string]string { return map[string]string{"secret": p.document.Secret} }

// What one case needs: fresh makes a record of its own for each call, since rules change the record that they are given.
type serdes struct {
	serialize   func(topic string, record interface{}) ([]byte, error)
	deserialize func(topic string, value []byte, into interface{}) error
	fresh       func() interface{}
	empty       func() interface{}
}

func (p *peer) records(c *benchCase) (fresh, empty func() interface{}) {
	record, extra := p.document.Record, p.document.Extra
	switch {
	case c.Body > 0:
		body := make([]byte, c.Body)
		for i := range body {
			body[i] = byte(i * 31)
		}
		return func() interface{} { return &blob{body} }, func() interface{} { return &blob{} }
	case c.Type == "PROTOBUF":
		return protobufRecords(record, extra, c.Fields == 20)
	case c.Fields == 20:
		var w wide
		must(json.Unmarshal(record, &w))
		must(json.Unmarshal(extra, &w))
		return func() interface{} { r := w; return &r }, func() interface{} { return &wide{} }
	default:
		var r customer
		must(json.Unmarshal(record, &r))
		return func() interface{} { one := r; return &one }, func() interface{} { return &customer{} }
	}
}

func protobufRecords(record, extra json.RawMessage, isWide bool) (fresh, empty func() interface{}) {
	var plain struct {
		wide
		Country string `json:"country"`
	}
	must(json.Unmarshal(record, &plain))
	must(json.Unmarshal(extra, &plain))
	w := plain.wide
	note := *w.Note
	if isWide {
		m := &Wide{Id: w.ID, Email: w.Email, Name: w.Name, Account: w.Account, Street: w.Street, City: w.City,
			Country: Wide_Country(Wide_Country_value[plain.Country]), Created: w.Created, Balance: w.Balance, Active: w.Active,
			Note: note, Labels: w.Labels, X01: w.X01, X02: w.X02, X03: w.X03, X04: w.X04, X05: w.X05, X06: w.X06, X07: w.X07,
			X08: w.X08, X09: w.X09, X10: w.X10, X11: w.X11, X12: w.X12, X13: w.X13, X14: w.X14, X15: w.X15, X16: w.X16, X17: w.X17}
		return func() interface{} { return proto.Clone(m) }, func() interface{} { return &Wide{} }
	}
	m := &Customer{Id: w.ID, Email: w.Email, Name: w.Name, Account: w.Account, Street: w.Street, City: w.City,
		Country: Customer_Country(Customer_Country_value[plain.Country]), Created: w.Created, Balance: w.Balance,
		Active: w.Active, Note: note, Labels: w.Labels}
	return func() interface{} { return proto.Clone(m) }, func() interface{} { return &Customer{} }
}

func (p *peer) serdes(c *benchCase) (s serdes, err error) {
	s.fresh, s.empty = p.records(c)
	switch c.Type {
	case "PROTOBUF":
		sc := protobuf.NewSerializerConfig()
		sc.AutoRegisterSchemas, sc.UseLatestVersion, sc.RuleConfig = false, true, p.rules()
		dc := protobuf.NewDeserializerConfig()
		dc.RuleConfig = p.rules()
		ser, err := protobuf.NewSerializer(p.client, serde.ValueSerde, sc)
		if err != nil {
			return s, err
		}
		de, err := protobuf.NewDeserializer(p.client, serde.ValueSerde, dc)
		s.serialize, s.deserialize = ser.Serialize, de.DeserializeInto
		return s, err
	case "JSON":
		sc := jsonschema.NewSerializerConfig()
		sc.AutoRegisterSchemas, sc.UseLatestVersion, sc.RuleConfig = false, true, p.rules()
		dc := jsonschema.NewDeserializerConfig()
		dc.RuleConfig = p.rules()
		ser, err := jsonschema.NewSerializer(p.client, serde.ValueSerde, sc)
		if err != nil {
			return s, err
		}
		de, err := jsonschema.NewDeserializer(p.client, serde.ValueSerde, dc)
		s.serialize, s.deserialize = ser.Serialize, de.DeserializeInto
		return s, err
	default:
		sc := avrov2.NewSerializerConfig()
		sc.AutoRegisterSchemas, sc.UseLatestVersion, sc.RuleConfig = false, true, p.rules()
		dc := avrov2.NewDeserializerConfig()
		dc.RuleConfig = p.rules()
		ser, err := avrov2.NewSerializer(p.client, serde.ValueSerde, sc)
		if err != nil {
			return s, err
		}
		de, err := avrov2.NewDeserializer(p.client, serde.ValueSerde, dc)
		s.serialize, s.deserialize = ser.Serialize, de.DeserializeInto
		return s, err
	}
}

func same(a, b interface{}) bool {
	if m, ok := a.(proto.Message); ok {
		return proto.Equal(m, b.(proto.Message))
	}
	x, err := json.Marshal(a)
	must(err)
	y, err := json.Marshal(b)
	must(err)
	return string(x) == string(y)
}

func (p *peer) run(c *benchCase, seconds float64) error {
	s, err := p.serdes(c)
	if err != nil {
		return err
	}
	value, err := s.serialize(c.Topic, s.fresh())
	if err != nil {
		return err
	}
	back := s.empty()
	if err := s.deserialize(c.Topic, value, back); err != nil {
		return err
	}
	if !same(s.fresh(), back) {
		return fmt.Errorf("does not read back")
	}
	if c.Fields == 0 && c.Body == 0 {
		fmt.Fprintf(os.Stderr, "plain %s %s\n", c.Bench, hex.EncodeToString(value[5:]))
	}
	for _, threads := range c.Threads {
		measure(c, "serialize", threads, seconds, func() {
			_, err := s.serialize(c.Topic, s.fresh())
			must(err)
		})
		measure(c, "deserialize", threads, seconds, func() { must(s.deserialize(c.Topic, value, s.empty())) })
	}
	return nil
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	must(err)
	seconds, err := strconv.ParseFloat(os.Args[2], 64)
	must(err)
	var d document
	must(json.Unmarshal(text, &d))
	encryption.Register()
	localkms.Register()
	client, err := sr.NewClient(sr.NewConfig(os.Args[3]))
	must(err)
	p := peer{client, &d}
	for i := range d.Cases {
		if c := &d.Cases[i]; c.Peers {
			if err := p.run(c, seconds); err != nil {
				fmt.Fprintf(os.Stderr, "cannot %s %s: %v\n", c.Bench, c.Case, err)
			}
		}
	}
}
