package imapfake

import (
	"errors"
	"io"
	"math/bits"
)

// inflater decodes DEFLATE (RFC 1951) and hands out everything that can be
// decoded from what has come. compress/flate does so only after a sync flush;
// clients with zlib may end a command with a partial flush (an empty block of
// fixed codes), behind which it would wait for more (RFC 4978 section 4 leaves
// the choice to the sender).
//
// The input is decoded in steps: a block header, a symbol, a piece of stored
// bytes. A step that runs out of input is taken back and done again when there
// is more.
type inflater struct {
	from io.Reader
	// input is what is not used up, at a number of bits into it.
	input []byte
	at    int
	chunk []byte
	// window is the output; out is where what is not handed out begins.
	window []byte
	out    int

	step              func() error
	last              bool
	stored            int
	lengths, distance *huffman
}

var (
	errMoreInput = errors.New("imapfake: more input needed")
	errDeflate   = errors.New("imapfake: damaged DEFLATE stream")
)

const (
	windowSize = 32 << 10
	fastBits   = 9
)

func newInflater(from io.Reader) *inflater {
	d := &inflater{from: from, chunk: make([]byte, 16<<10)}
	d.step = d.block
	return d
}

// Read blocks only when there is nothing to hand out.
func (d *inflater) Read(p []byte) (int, error) {
	for {
		at := d.at
		err := error(nil)
		for err == nil && len(d.window)-d.out < windowSize {
			at = d.at
			err = d.step()
		}
		if err != nil {
			d.at = at
		}
		if n := len(d.window) - d.out; n > 0 {
			n = copy(p, d.window[d.out:])
			d.out += n
			d.trim()
			return n, nil
		}
		if !errors.Is(err, errMoreInput) {
			return 0, err
		}
		n, err := d.from.Read(d.chunk)
		d.input = append(d.input[d.at/8:], d.chunk[:n]...)
		d.at %= 8
		if n == 0 && err != nil {
			return 0, err
		}
	}
}

// trim forgets output that no distance reaches any more.
func (d *inflater) trim() {
	if surplus := d.out - windowSize; surplus > 4*windowSize {
		d.window = d.window[:copy(d.window, d.window[surplus:])]
		d.out -= surplus
	}
}

// bits reads n bits, the lowest first.
func (d *inflater) bits(n int) (int, error) {
	if d.at+n > 8*len(d.input) {
		return 0, errMoreInput
	}
	value := d.peek(n)
	d.at += n
	return value, nil
}

// peek gives up to 16 bits, zeros behind the end of the input.
func (d *inflater) peek(n int) int {
	var value int
	for i := range 3 {
		if at := d.at/8 + i; at < len(d.input) {
			value |= int(d.input[at]) << (8 * i)
		}
	}
	return value >> (d.at % 8) & (1<<n - 1)
}

// block reads a block's header (RFC 1951 section 3.2.3).
func (d *inflater) block() error {
	if d.last {
		return io.EOF
	}
	header, err := d.bits(3)
	if err != nil {
		return err
	}
	step := d.symbol
	lengths, distance := d.lengths, d.distance
	switch header >> 1 {
	case 0:
		d.at = (d.at + 7) &^ 7
		size, err := d.bits(16)
		if err != nil {
			return err
		}
		check, err := d.bits(16)
		if err != nil {
			return err
		}
		if size^check != 0xffff {
			return errDeflate
		}
		d.stored, step = size, d.storedBytes
	case 1:
		lengths, distance = fixedCodes()
	case 2:
		if lengths, distance, err = d.dynamicCodes(); err != nil {
			return err
		}
	default:
		return errDeflate
	}
	d.last, d.step, d.lengths, d.distance = header&1 == 1, step, lengths, distance
	return nil
}

func (d *inflater) storedBytes() error {
	if d.stored == 0 {
		d.step = d.block
		return nil
	}
	from := d.input[min(d.at/8, len(d.input)):]
	n := min(d.stored, len(from))
	if n == 0 {
		return errMoreInput
	}
	d.window = append(d.window, from[:n]...)
	d.stored -= n
	d.at += 8 * n
	return nil
}

// symbol decodes a literal, a match or the end of the block (section 3.2.5).
func (d *inflater) symbol() error {
	symbol, err := d.decode(d.lengths)
	switch {
	case err != nil:
		return err
	case symbol < 256:
		d.window = append(d.window, byte(symbol))
		return nil
	case symbol == 256:
		d.step = d.block
		return nil
	case symbol > 285:
		return errDeflate
	}
	length := 258
	if symbol < 285 {
		if length, err = d.extra(symbol-257, 4, 3); err != nil {
			return err
		}
	}
	code, err := d.decode(d.distance)
	if err != nil {
		return err
	}
	back, err := d.extra(code, 2, 1)
	if err != nil {
		return err
	}
	if code > 29 || back > len(d.window) {
		return errDeflate
	}
	for range length {
		d.window = append(d.window, d.window[len(d.window)-back])
	}
	return nil
}

// extra gives the value of a length or distance code: the first group codes are
// values of their own from base on, then each group has one more extra bit.
func (d *inflater) extra(code, group, base int) (int, error) {
	if code < 2*group {
		return code + base, nil
	}
	n := code/group - 1
	more, err := d.bits(n)
	return (group+code%group)<<n + more + base, err
}

// huffman is a canonical code: a table for short codes, and the numbers of codes
// by length for long ones.
type huffman struct {
	count   [16]int
	symbols []int
	fast    [1 << fastBits]uint16
}

// newHuffman builds the code from the lengths of its symbols (section 3.2.2).
func newHuffman(lengths []byte) (*huffman, error) {
	h := &huffman{symbols: make([]int, len(lengths))}
	for _, n := range lengths {
		h.count[n]++
	}
	h.count[0] = 0
	var offset, next [17]int
	code := 0
	for n := 1; n < 16; n++ {
		offset[n+1] = offset[n] + h.count[n]
		code = (code + h.count[n-1]) << 1
		next[n] = code
		if code+h.count[n] > 1<<n {
			return nil, errDeflate
		}
	}
	for symbol, n := range lengths {
		if n == 0 {
			continue
		}
		h.symbols[offset[n]] = symbol
		offset[n]++
		if n <= fastBits {
			reversed := int(bits.Reverse16(uint16(next[n])) >> (16 - n))
			for i := reversed; i < 1<<fastBits; i += 1 << n {
				h.fast[i] = uint16(symbol)<<4 | uint16(n)
			}
		}
		next[n]++
	}
	return h, nil
}

func (d *inflater) decode(h *huffman) (int, error) {
	if entry := h.fast[d.peek(fastBits)]; entry != 0 {
		n := int(entry & 15)
		if d.at+n > 8*len(d.input) {
			return 0, errMoreInput
		}
		d.at += n
		return int(entry >> 4), nil
	}
	code, first, index := 0, 0, 0
	for n := 1; n < 16; n++ {
		bit, err := d.bits(1)
		if err != nil {
			return 0, err
		}
		code |= bit
		if code-first < h.count[n] {
			return h.symbols[index+code-first], nil
		}
		index += h.count[n]
		first = (first + h.count[n]) << 1
		code <<= 1
	}
	return 0, errDeflate
}

func fixedCodes() (lengths, distance *huffman) {
	var sizes [288]byte
	for i := range sizes {
		switch {
		case i < 144, i >= 280:
			sizes[i] = 8
		case i < 256:
			sizes[i] = 9
		default:
			sizes[i] = 7
		}
	}
	var flat [30]byte
	for i := range flat {
		flat[i] = 5
	}
	lengths, _ = newHuffman(sizes[:])
	distance, _ = newHuffman(flat[:])
	return lengths, distance
}

// dynamicCodes reads the codes of a block (section 3.2.7).
func (d *inflater) dynamicCodes() (lengths, distance *huffman, err error) {
	sizes, err := d.bits(14)
	if err != nil {
		return nil, nil, err
	}
	literals, distances, n := sizes&31+257, sizes>>5&31+1, sizes>>10+4
	var of [19]byte
	for i := range n {
		size, err := d.bits(3)
		if err != nil {
			return nil, nil, err
		}
		of[[19]int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}[i]] = byte(size)
	}
	code, err := newHuffman(of[:])
	if err != nil {
		return nil, nil, err
	}
	all, err := d.codeLengths(code, literals+distances)
	if err != nil {
		return nil, nil, err
	}
	if lengths, err = newHuffman(all[:literals]); err != nil {
		return nil, nil, err
	}
	distance, err = newHuffman(all[literals:])
	return lengths, distance, err
}

func (d *inflater) codeLengths(code *huffman, count int) ([]byte, error) {
	var all []byte
	for len(all) < count {
		symbol, err := d.decode(code)
		if err != nil {
			return nil, err
		}
		if symbol < 16 {
			all = append(all, byte(symbol))
			continue
		}
		width := []int{2, 3, 7}[symbol-16]
		more, err := d.bits(width)
		if err != nil {
			return nil, err
		}
		size := byte(0)
		if symbol == 16 {
			if len(all) == 0 {
				return nil, errDeflate
			}
			size = all[len(all)-1]
		}
		for range more + []int{3, 3, 11}[symbol-16] {
			all = append(all, size)
		}
	}
	if len(all) > count {
		return nil, errDeflate
	}
	return all, nil
}
