module github.com/curfew-access/curfew/examples/lambda-sync

go 1.26.0

require github.com/aws/aws-lambda-go v1.55.1

require go.yaml.in/yaml/v3 v3.0.6
