// The official Go client on the benchmark's record: avrov2 serializer, field encryption, local KMS. bench/run has registered the
// schemas. Usage: peer RECORD.json SECONDS REGISTRY_URL; prints JSON lines as the C programs do.
package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	sr "github.com/confluentinc/confluent-kafka-go/v2/schemaregistry"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry/rules/encryption"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry/rules/encryption/localkms"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry/serde"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry/serde/avrov2"
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

type document struct {
	Schema    string   `json:"schema"`
	Record    customer `json:"record"`
	Algorithm string   `json:"algorithm"`
	Secret    string   `json:"secret"`
	Cases     []struct {
		Fields int    `json:"fields"`
		Topic  string `json:"topic"`
	} `json:"cases"`
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

func measure(d *document, fields int, op string, seconds float64, call func()) {
	n := 64
	for {
		t := cpu()
		for i := 0; i < n; i++ {
			call()
		}
		spent := (cpu() - t).Seconds()
		if spent > seconds/4 {
			n = int(float64(n)*seconds/spent) + 1
			break
		}
		n *= 2
	}
	t, w := cpu(), time.Now()
	for i := 0; i < n; i++ {
		call()
	}
	spent, wall := cpu()-t, time.Since(w)
	line, err := json.Marshal(map[string]any{"bench": "avro", "case": fmt.Sprintf("%df/%s", fields, d.Algorithm), "op": op,
		"impl": "go", "threads": 1, "cpu_us": spent.Seconds() * 1e6 / float64(n), "wall_us": wall.Seconds() * 1e6 / float64(n), "n": n})
	must(err)
	fmt.Println(string(line))
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
	config := map[string]string{"secret": d.Secret}
	for _, c := range d.Cases {
		sc := avrov2.NewSerializerConfig()
		sc.AutoRegisterSchemas, sc.UseLatestVersion, sc.RuleConfig = false, true, config
		ser, err := avrov2.NewSerializer(client, serde.ValueSerde, sc)
		must(err)
		dc := avrov2.NewDeserializerConfig()
		dc.RuleConfig = config
		de, err := avrov2.NewDeserializer(client, serde.ValueSerde, dc)
		must(err)
		var bytes []byte
		// Rules change the record that they are given: each call gets its own.
		write := func() {
			r := d.Record
			var err error
			bytes, err = ser.Serialize(c.Topic, &r)
			must(err)
		}
		var back customer
		read := func() {
			back = customer{}
			must(de.DeserializeInto(c.Topic, bytes, &back))
		}
		write()
		read()
		if back.Email != d.Record.Email || back.Account != d.Record.Account || len(back.Labels) != len(d.Record.Labels) {
			must(fmt.Errorf("case %d does not read back", c.Fields))
		}
		if c.Fields == 0 {
			fmt.Fprintln(os.Stderr, "plain "+hex.EncodeToString(bytes[5:]))
		}
		measure(&d, c.Fields, "serialize", seconds, write)
		measure(&d, c.Fields, "deserialize", seconds, read)
	}
}
