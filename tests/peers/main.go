// Answers a line of JSON with another: what the libraries of Helm, Flux, Argo CD and Kubernetes make of a text.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/Masterminds/semver/v3"
	"github.com/fluxcd/pkg/envsubst"
	yaml3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"
)

type question struct {
	Range string   // a range of versions, with Tags
	Tags  []string // whether each is a version, and in the range
	YAML  *string  // a document

	Object    json.RawMessage   // an object, whose variables Flux fills in
	Variables map[string]string // with these
}

type answer struct {
	Refused  bool              `json:"refused"`  // the range is none
	Versions []bool            `json:"versions"` // which tags are versions
	Held     []bool            `json:"held"`     // which are in the range
	Highest  []int             `json:"highest"`  // of those held, the highest that differ in build metadata only
	Readings []json.RawMessage `json:"readings"` // what each reader makes of the document
	Filled   json.RawMessage   `json:"filled"`   // the object with its variables filled in
}

func main() {
	questions := bufio.NewReaderSize(os.Stdin, 1<<20)
	answers := bufio.NewWriter(os.Stdout)
	defer answers.Flush()
	decoder, encoder := json.NewDecoder(questions), json.NewEncoder(answers)
	for decoder.More() {
		var asked question
		if err := decoder.Decode(&asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		var said answer
		if asked.Object != nil {
			said.Filled = orWords(filled(asked.Object, asked.Variables))
		} else if asked.YAML != nil {
			said.Readings = readings(*asked.YAML)
		} else {
			said = judged(asked.Range, asked.Tags)
		}
		if err := encoder.Encode(said); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func judged(text string, tags []string) answer {
	constraint, err := semver.NewConstraint(text)
	said := answer{Refused: err != nil}
	var best *semver.Version
	for place, tag := range tags {
		version, wrong := semver.NewVersion(tag)
		held := err == nil && wrong == nil && constraint.Check(version)
		said.Versions = append(said.Versions, wrong == nil)
		said.Held = append(said.Held, held)
		if !held {
			continue
		}
		if best == nil || version.GreaterThan(best) {
			best, said.Highest = version, nil
		}
		if version.Equal(best) {
			said.Highest = append(said.Highest, place)
		}
	}
	return said
}

func readings(text string) []json.RawMessage {
	var found []json.RawMessage
	two, err := yaml.YAMLToJSON([]byte(text))
	found = append(found, orWords(two, err))
	var value any
	err = yaml3.Unmarshal([]byte(text), &value)
	if err == nil {
		two, err = json.Marshal(value)
	}
	return append(found, orWords(two, err))
}

// filled does as Flux's kustomize.SubstituteVariables: it replaces in the written YAML.
func filled(object []byte, variables map[string]string) ([]byte, error) {
	written, err := yaml.JSONToYAML(object)
	if err != nil {
		return nil, err
	}
	text, err := envsubst.Eval(string(written), func(name string) (string, bool) {
		return variables[name], true
	})
	if err != nil {
		return nil, err
	}
	return yaml.YAMLToJSON([]byte(text))
}

func orWords(value []byte, err error) json.RawMessage {
	if err != nil {
		value, _ = json.Marshal(map[string]string{"not read": err.Error()})
	}
	return value
}
