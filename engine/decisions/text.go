package decisions

import "unicode/utf8"

// appendText appends the text as a JSON string.
func appendText(dst []byte, text string) []byte {
	return append(appendInside(append(dst, '"'), text), '"')
}

// appendInside appends what stands between a JSON string's quotes. What is not
// UTF-8 becomes the replacement character: some texts are a caller's headers.
func appendInside(dst []byte, text string) []byte {
	done := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if c >= utf8.RuneSelf && (r != utf8.RuneError || size > 1) {
			i += size
			continue
		}
		dst = append(dst, text[done:i]...)
		dst = appendEscaped(dst, c)
		i++
		done = i
	}
	return append(dst, text[done:]...)
}

// appendEscaped appends a byte that can not stand in a JSON string as it is.
func appendEscaped(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch {
	case c == '"' || c == '\\':
		return append(dst, '\\', c)
	case c < ' ':
		return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
	}
	return append(dst, "\ufffd"...)
}
