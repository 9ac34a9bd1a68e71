"""How weights with zeros are kept: in the blocks whose smallest BCR pattern has the fewest weights, or dense."""
import numpy

# Those that the library is measured with. The larger the block, the fewer indices, and the faster.
BLOCKS = ((64, 64), (16, 64), (8, 32), (8, 16), (4, 16))


def covered(kept, block):
    """Weights of the smallest BCR pattern around the kept ones: all rows and columns of each block that hold one."""
    rows, columns = (-(-size // b) * b for size, b in zip(kept.shape, block))
    padded = numpy.zeros((rows, columns), bool)
    padded[:kept.shape[0], :kept.shape[1]] = kept
    blocks = padded.reshape(rows // block[0], block[0], columns // block[1], block[1])
    return int((blocks.any(3).sum(1) * blocks.any(1).sum(2)).sum())


def choose(weight, dense_above, block=None):
    """The block for a matrix of weights, or None where it is better kept dense; and the density of its pattern."""
    kept = numpy.asarray(weight).reshape(len(weight), -1) != 0
    if kept.size == 0 or kept.mean() > dense_above:
        return None, 1
    fitting = [b for b in BLOCKS if b[0] <= kept.shape[0]] or BLOCKS[-1:]
    sizes = {b: covered(kept, b) for b in ([block] if block else fitting)}
    least = min(sizes.values())
    # As good as the best, but for one in fifty.
    best = next(b for b, size in sizes.items() if size <= 1.02 * least)
    density = sizes[best] / kept.size
    return (best, density) if density <= dense_above else (None, 1)
