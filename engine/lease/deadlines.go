package lease

// deadlines is a set of keys by their deadlines, soonest first, with something
// kept for each. It holds no pointers to them: a collection of garbage need not
// walk a million of them.
type deadlines[T any] struct {
	chunks [][]deadline[T] // growing copies nothing
	size   int32           // places in chunks
	free   []int32         // places that are not used
	heap   []int32         // places, as a binary heap
	places places
}

type deadline[T any] struct {
	key  [16]byte
	due  int64 // microseconds since 1970
	heap int32 // where in the heap; -1: the place is not used
	held T
}

// chunk is how many deadlines are made room for at once.
const chunk = 1 << 12

func (d *deadlines[T]) len() int { return len(d.heap) }

func (d *deadlines[T]) at(place int32) *deadline[T] { return &d.chunks[place/chunk][place%chunk] }

func (d *deadlines[T]) keyAt(place int32) [16]byte { return d.at(place).key }

// get returns what is held for the key; it may be changed in place until the
// next put or drop.
func (d *deadlines[T]) get(key [16]byte) (*deadline[T], bool) {
	place, ok := d.places.find(key, d.keyAt)
	if !ok {
		return nil, false
	}
	return d.at(place), true
}

// put holds something for the key until due, instead of what was held.
func (d *deadlines[T]) put(key [16]byte, due int64, held T) {
	place, ok := d.places.find(key, d.keyAt)
	if !ok {
		place = d.place()
		*d.at(place) = deadline[T]{key: key, heap: int32(len(d.heap))} //nolint:gosec // two thousand million do not fit into memory
		d.heap = append(d.heap, place)
		d.places.add(key, place, d.keyAt)
	}
	e := d.at(place)
	e.due, e.held = due, held
	if !d.up(e.heap) {
		d.down(e.heap)
	}
}

// place returns a place that is not used.
func (d *deadlines[T]) place() int32 {
	if n := len(d.free); n > 0 {
		place := d.free[n-1]
		d.free = d.free[:n-1]
		return place
	}
	if int(d.size) == len(d.chunks)*chunk {
		d.chunks = append(d.chunks, make([]deadline[T], chunk))
	}
	d.size++
	return d.size - 1
}

func (d *deadlines[T]) drop(key [16]byte) bool {
	place, ok := d.places.find(key, d.keyAt)
	if !ok {
		return false
	}
	i, last := d.at(place).heap, int32(len(d.heap)-1) //nolint:gosec // as above
	d.swap(i, last)
	d.heap = d.heap[:last]
	if i < last && !d.up(i) {
		d.down(i)
	}
	d.places.remove(key, d.keyAt)
	*d.at(place) = deadline[T]{heap: -1}
	d.free = append(d.free, place)
	return true
}

// first returns the soonest.
func (d *deadlines[T]) first() (deadline[T], bool) {
	if len(d.heap) == 0 {
		return deadline[T]{}, false
	}
	return *d.at(d.heap[0]), true
}

// page calls see for each of the next n places from a place on, and returns where
// to go on; -1 after the last. What is held throughout is seen.
func (d *deadlines[T]) page(from, n int, see func(deadline[T])) (next int) {
	for i := from; i < min(from+n, int(d.size)); i++ {
		if e := d.at(int32(i)); e.heap >= 0 { //nolint:gosec // smaller than d.size
			see(*e)
		}
	}
	if from+n < int(d.size) {
		return from + n
	}
	return -1
}

func (d *deadlines[T]) less(i, j int32) bool {
	return d.at(d.heap[i]).due < d.at(d.heap[j]).due
}

func (d *deadlines[T]) swap(i, j int32) {
	d.heap[i], d.heap[j] = d.heap[j], d.heap[i]
	d.at(d.heap[i]).heap, d.at(d.heap[j]).heap = i, j
}

func (d *deadlines[T]) up(i int32) (moved bool) {
	for i > 0 {
		parent := (i - 1) / 2
		if !d.less(i, parent) {
			break
		}
		d.swap(i, parent)
		i, moved = parent, true
	}
	return moved
}

func (d *deadlines[T]) down(i int32) {
	n := int32(len(d.heap)) //nolint:gosec // as above
	for {
		child := 2*i + 1
		if child >= n {
			return
		}
		if child+1 < n && d.less(child+1, child) {
			child++
		}
		if !d.less(child, i) {
			return
		}
		d.swap(i, child)
		i = child
	}
}
