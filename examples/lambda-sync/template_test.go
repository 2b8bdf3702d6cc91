package main

import (
	"maps"
	"os"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"
)

// statement is a part of a policy; an intrinsic function is a node with its tag.
type statement struct {
	Effect   string    `yaml:"Effect"`
	Action   string    `yaml:"Action"`
	Resource yaml.Node `yaml:"Resource"`
}

type template struct {
	Parameters map[string]struct {
		Default string `yaml:"Default"`
	} `yaml:"Parameters"`
	Resources map[string]struct {
		Type       string    `yaml:"Type"`
		Properties yaml.Node `yaml:"Properties"`
	} `yaml:"Resources"`
}

type functionProperties struct {
	Handler       string   `yaml:"Handler"`
	Runtime       string   `yaml:"Runtime"`
	Architectures []string `yaml:"Architectures"`
	Timeout       int      `yaml:"Timeout"`
	Concurrency   int      `yaml:"ReservedConcurrentExecutions"`
	Environment   struct {
		Variables map[string]yaml.Node `yaml:"Variables"`
	} `yaml:"Environment"`
	Policies []struct {
		Statement []yaml.Node `yaml:"Statement"`
	} `yaml:"Policies"`
	DeadLetterQueue struct {
		Type      string    `yaml:"Type"`
		TargetArn yaml.Node `yaml:"TargetArn"`
	} `yaml:"DeadLetterQueue"`
	EventInvokeConfig struct {
		MaximumRetryAttempts int `yaml:"MaximumRetryAttempts"`
	} `yaml:"EventInvokeConfig"`
	Events map[string]struct {
		Type       string `yaml:"Type"`
		Properties struct {
			ScheduleExpression string `yaml:"ScheduleExpression"`
			RetryPolicy        struct {
				MaximumRetryAttempts int `yaml:"MaximumRetryAttempts"`
			} `yaml:"RetryPolicy"`
			DeadLetterConfig struct {
				Arn yaml.Node `yaml:"Arn"`
			} `yaml:"DeadLetterConfig"`
		} `yaml:"Properties"`
	} `yaml:"Events"`
}

func readTemplate(t *testing.T) (all template, f functionProperties) {
	t.Helper()
	text, err := os.ReadFile("template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	properties := all.Resources["SyncFunction"].Properties
	if err := properties.Decode(&f); err != nil {
		t.Fatal(err)
	}
	return all, f
}

// refers reports whether a node is a function of the template's own, such as !Ref X.
func refers(n yaml.Node, tag, to string) bool { return n.Tag == tag && n.Value == to }

func TestTemplateRunsTheProgramOnceADay(t *testing.T) {
	all, f := readTemplate(t)
	if all.Resources["SyncFunction"].Type != "AWS::Serverless::Function" || f.Handler != "bootstrap" || f.Runtime != "provided.al2023" ||
		!slices.Equal(f.Architectures, []string{"arm64"}) || f.Timeout < 60 || f.Timeout > 900 || f.Concurrency != 1 {
		t.Errorf("the function is %+v", f)
	}
	daily := f.Events["Daily"]
	if daily.Type != "ScheduleV2" || daily.Properties.ScheduleExpression != "rate(1 day)" {
		t.Errorf("it is run by %+v", daily)
	}
}

func TestTemplateLosesNoFailure(t *testing.T) {
	all, f := readTemplate(t)
	daily := f.Events["Daily"].Properties
	if f.DeadLetterQueue.Type != "SQS" || !refers(f.DeadLetterQueue.TargetArn, "!GetAtt", "Failures.Arn") || f.EventInvokeConfig.MaximumRetryAttempts != 2 {
		t.Errorf("what fails goes to %+v, after %d tries more", f.DeadLetterQueue, f.EventInvokeConfig.MaximumRetryAttempts)
	}
	if !refers(daily.DeadLetterConfig.Arn, "!GetAtt", "Failures.Arn") || daily.RetryPolicy.MaximumRetryAttempts == 0 {
		t.Errorf("what can not be called goes to %+v", daily)
	}
	if all.Resources["Failures"].Type != "AWS::SQS::Queue" || all.Resources["FailuresAlarm"].Type != "AWS::CloudWatch::Alarm" {
		t.Error("there is no queue, or nobody is told of what is in it")
	}
}

func TestTemplateSetsWhatTheProgramReads(t *testing.T) {
	all, f := readTemplate(t)
	got, want := slices.Sorted(maps.Keys(f.Environment.Variables)), slices.Sorted(slices.Values(deployed))
	if !slices.Equal(got, want) {
		t.Errorf("the template sets %q\nthe program reads %q", got, want)
	}
	for name, value := range f.Environment.Variables {
		if _, parameter := all.Parameters[value.Value]; value.Tag != "!Ref" || !parameter {
			t.Errorf("%s is %s %s, which is no parameter", name, value.Tag, value.Value)
		}
	}
	if err := checkEntitlements([]byte(all.Parameters["Entitlements"].Default)); err != nil {
		t.Errorf("the entitlements of the template: %v", err)
	}
}

func TestTemplateAllowsNoMoreThanItsSecrets(t *testing.T) {
	_, f := readTemplate(t)
	if len(f.Policies) != 1 || len(f.Policies[0].Statement) != 2 {
		t.Fatalf("its policies are %+v", f.Policies)
	}
	var secrets statement
	if err := f.Policies[0].Statement[0].Decode(&secrets); err != nil {
		t.Fatal(err)
	}
	to := secrets.Resource.Content
	if secrets.Effect != "Allow" || secrets.Action != "secretsmanager:GetSecretValue" || len(to) != 2 ||
		!refers(*to[0], "!Ref", "CurfewTokenSecretArn") || !refers(*to[1], "!Ref", "DirectoryTokenSecretArn") {
		t.Errorf("it may %s %s", secrets.Effect, secrets.Action)
	}
	// The other is there for a key of one's own, and only then.
	if key := f.Policies[0].Statement[1]; key.Tag != "!If" || len(key.Content) != 3 || key.Content[0].Value != "HasKey" || !refers(*key.Content[2], "!Ref", "AWS::NoValue") {
		t.Errorf("it may also %+v", key)
	}
}
