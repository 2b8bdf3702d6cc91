package api

// sinkName reads the name in the path of a GET.
func sinkName(in *incoming) (string, error) {
	_, err := in.query()
	return in.param("name"), err
}

// sinkRemark reads the name in the path and the body, which may be left out.
func sinkRemark(in *incoming) (object[remark], error) {
	b, err := optionalBody[remark](in)
	return object[remark]{id: in.param("name"), body: b}, err
}
