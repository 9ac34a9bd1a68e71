#!/usr/bin/python3
"""The converter on small models: that its layers compute what the model does, what it writes, and what it says of what
it cannot convert. Needs python3-onnx; where onnxruntime is there, the reference is compared with it as well.
"""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

import numpy
import onnx

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import convert  # noqa: E402
from graph import Problem, load  # noqa: E402
from header import Writer  # noqa: E402
from layers import Converter  # noqa: E402
from models import Model, operators  # noqa: E402
from reference import of_layers, of_model  # noqa: E402
from storage import choose, covered  # noqa: E402

try:
    import onnxruntime
    onnxruntime.set_default_logger_severity(3)
except ImportError:
    onnxruntime = None


def loaded(model, input_shape=None):
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        onnx.save(model, file.name)
        return load(file.name, input_shape)


def layers_of(model):
    converter = Converter(loaded(model))
    layers = converter.run()
    return layers, converter.problems


IMAGE = (2, 4, 9, 8)


class Operators(unittest.TestCase):
    """Each in the forms that exporters give it, against what ONNX says."""

    def same(self, model, expected=None):
        shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
        x = numpy.random.default_rng(3).uniform(-4, 4, shape)
        layers, problems = layers_of(model)
        self.assertEqual(problems, [])
        found, right = of_layers(layers, x), of_model(model, x)
        self.assertEqual(found.size, right.size)
        numpy.testing.assert_allclose(found.reshape(right.shape), right, rtol=1e-5, atol=1e-5)
        if expected is not None:
            self.assertIn(expected, Writer(layers, {}).text("small", "small.onnx"))
        if onnxruntime is not None:
            session = onnxruntime.InferenceSession(model.SerializeToString())
            other = session.run(None, {"x": x.astype(numpy.float32)})[0]
            numpy.testing.assert_allclose(other, right, rtol=1e-4, atol=1e-4)

    def one(self, operation, *constants, shape=IMAGE, out=IMAGE, opset=13, expected=None, **attributes):
        m = Model(shape)
        m.node(operation, "x", *(m.constant(c) for c in constants), **attributes)
        self.same(m.model(m.nodes[-1].output[0], out, opset), expected)

    def conv(self, out, expected, kernel=(3, 3), bias=False, **attributes):
        m = Model(IMAGE)
        y = m.conv("x", out[1], 4, kernel, bias, name="c", **attributes)
        self.same(m.model(y, out), expected)

    def test_convolutions(self):
        self.conv((2, 6, 7, 6), 'x.conv("c", {.outputs = 6, .window = square(3)});')
        self.conv((2, 6, 5, 4), "square(3, 2, 1), .bias = true", bias=True, strides=[2, 2], pads=[1, 1, 1, 1])
        self.conv((2, 4, 9, 8), ".groups = 4", group=4, pads=[1, 1, 1, 1])
        self.conv((2, 8, 9, 8), ".groups = 2", group=2, pads=[1, 1, 1, 1])
        self.conv((2, 3, 8, 9), ".padding = {.top = 1, .bottom = 2, .right = 3}", pads=[1, 0, 2, 3], dilations=[2, 1])
        self.conv((2, 3, 9, 4), ".kernel = {1, 5}, .stride = {1, 2}", kernel=(1, 5), pads=[0, 2, 0, 2], strides=[1, 2])
        for mode in ("SAME_UPPER", "SAME_LOWER"):
            self.conv((2, 3, 5, 4), None, auto_pad=mode, strides=[2, 2])
            self.conv((2, 3, 9, 8), None, kernel=(2, 4), auto_pad=mode)
        self.conv((2, 3, 7, 6), "square(3)", auto_pad="VALID")

    def test_pad_goes_into_the_window(self):
        for make in (lambda m, x: m.conv(x, 3, 4, (3, 3), pads=[1, 1, 1, 1]),
                     lambda m, x: m.node("AveragePool", x, kernel_shape=[3, 3], pads=[1] * 4, count_include_pad=1)):
            m = Model(IMAGE)
            y = make(m, m.node("Pad", "x", m.constant(numpy.array([0, 0, 1, 0, 0, 0, 0, 1]))))
            self.same(m.model(y, (2, 3 if m.nodes[-1].op_type == "Conv" else 4, 10, 9)), ".right = 2")

    def test_fully_connected(self):
        shape, a, b = (3, 10), numpy.random.default_rng(1).normal(size=(10, 4)), numpy.arange(4.0)
        self.one("Gemm", a, shape=shape, out=(3, 4), expected=".outputs = 4, .bias = false")
        self.one("Gemm", a.T, b, shape=shape, out=(3, 4), transB=1, alpha=0.5, beta=2.0, expected="{.outputs = 4})")
        self.one("Gemm", a, b.reshape(1, 4), shape=shape, out=(3, 4))
        self.one("MatMul", a, shape=shape, out=(3, 4))
        m = Model(shape)
        y = m.node("Sub", m.node("Mul", m.node("Add", m.node("MatMul", "x", m.constant(a)), m.constant(b)),
                                 m.constant(b + 1)), m.constant(numpy.float32(2)))
        self.same(m.model(y, (3, 4)), 'const auto matmul0 = x.linear("matmul0", {.outputs = 4});')

    def test_normalisations(self):
        m = Model(IMAGE)
        y = m.norm(m.conv("x", 5, 4, (1, 1), name="c"), 5, epsilon=0.1)
        self.same(m.model(y, (2, 5, 9, 8)), '.batch_norm("batchnormalization1")')
        m = Model(IMAGE)
        y = m.norm("x", 4)
        self.same(m.model(y, IMAGE), ".window = square(1), .groups = 4, .bias = true")
        # Behind a convolution that somebody else uses as well, it is a layer of its own.
        m = Model(IMAGE)
        c = m.conv("x", 4, 4, (1, 1))
        self.same(m.model(m.node("Add", m.norm(c, 4), c), IMAGE), ".groups = 4")

    def test_activations(self):
        self.one("Relu", expected="x.relu()")
        self.one("Clip", numpy.float32(0), numpy.float32(6), expected="x.relu6()")
        self.one("Clip", numpy.float32(0), numpy.float32(3.4e38), expected="x.relu()")
        self.one("Clip", min=0.0, max=6.0, opset=10, expected="x.relu6()")
        self.one("Sigmoid", expected="function::sigmoid")
        self.one("Tanh", expected="function::tanh")
        self.one("HardSwish", opset=14, expected="function::hard_swish")

    def test_activations_spelt_out(self):
        def build(make):
            m = Model(IMAGE)
            n = {v: m.constant(numpy.float32(v)) for v in (0, 0.5, 1, 3, 6, 2**0.5)}
            return m.model(make(m, n), IMAGE)

        def six(m, n):
            return m.node("Clip", m.node("Add", n[3], "x"), n[0], n[6])

        def error(m, n):
            return m.node("Add", m.node("Erf", m.node("Div", "x", n[2**0.5])), n[1])

        self.same(build(lambda m, n: m.node("Mul", m.node("Sigmoid", "x"), "x")), "x.activate(function::silu)")
        hard = "x.activate(function::hard_swish)"
        self.same(build(lambda m, n: m.node("Mul", "x", m.node("HardSigmoid", "x", alpha=1 / 6, beta=0.5))), hard)
        self.same(build(lambda m, n: m.node("Mul", "x", m.node("Div", six(m, n), n[6]))), hard)
        self.same(build(lambda m, n: m.node("Div", m.node("Mul", "x", six(m, n)), n[6])), hard)
        gelu = "x.activate(function::gelu)"
        self.same(build(lambda m, n: m.node("Mul", m.node("Mul", "x", error(m, n)), n[0.5])), gelu)
        self.same(build(lambda m, n: m.node("Mul", m.node("Mul", "x", n[0.5]), error(m, n))), gelu)

    def test_pooling(self):
        two = {"kernel_shape": [2, 2], "strides": [2, 2]}
        three = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
        self.one("MaxPool", out=(2, 4, 4, 4), **two, expected='("maxpool0", {.window = square(2, 2)})')
        self.one("MaxPool", out=(2, 4, 5, 4), strides=[2, 2], dilations=[1, 1], **three)
        self.one("MaxPool", out=(2, 4, 5, 4), ceil_mode=1, **two, expected=".ceil_mode = true")
        self.one("AveragePool", out=(2, 4, 9, 8), **three, expected="count_include_pad = false")
        self.one("AveragePool", out=(2, 4, 9, 8), count_include_pad=1, **three,
                 expected="{.window = square(3, 1, 1)}")
        self.one("GlobalAveragePool", out=(2, 4, 1, 1), expected='.global_average("globalaveragepool0")')
        self.one("GlobalMaxPool", out=(2, 4, 1, 1), expected=".kernel = {9, 8}")
        self.one("ReduceMean", out=(2, 4), axes=[2, 3], keepdims=0, expected=".global_average(")
        self.one("ReduceMean", out=(2, 4, 1, 1), axes=[-1, -2])

    def test_sums_and_channels(self):
        m = Model(IMAGE)
        a, b = m.conv("x", 4, 4, (1, 1), name="a"), m.node("Relu", "x")
        self.same(m.model(m.node("Sum", "x", a, b), IMAGE))
        m = Model(IMAGE)
        a, b = m.conv("x", 2, 4, (1, 1), name="a"), m.conv("x", 3, 4, (1, 1), name="b")
        y = m.node("Concat", a, b, "x", axis=1)
        self.same(m.model(y, (2, 9, 9, 8)), 'a.concat("concat2", b).concat("concat2_2", x);')
        self.one("Mul", numpy.arange(1.0, 5).reshape(4, 1, 1), expected=".groups = 4")
        self.one("Div", numpy.float32(2))
        self.one("Add", numpy.arange(4.0).reshape(1, 4, 1, 1))

    def test_what_changes_no_element(self):
        flat = (2, 4 * 9 * 8)
        for make in (lambda m, r: m.node("Flatten", r), lambda m, r: m.node("Flatten", r, axis=-3),
                     lambda m, r: m.node("Reshape", r, m.constant(numpy.array([0, -1]))),
                     lambda m, r: m.node("Reshape", r, m.constant(numpy.array(flat))),
                     lambda m, r: m.node("Dropout", m.node("Flatten", m.node("Identity", r))),
                     lambda m, r: m.node("Div", m.node("Flatten", r), m.constant(numpy.float32(2)))):
            m = Model(IMAGE)
            y = m.node("Gemm", make(m, m.node("Relu", "x")), m.weight(flat[1], 3))
            self.same(m.model(y, (2, 3)), ".linear(\"gemm")
        m = Model(IMAGE)
        p = m.node("Squeeze", m.node("GlobalAveragePool", "x"), m.constant(numpy.array([3, 2])))
        y = m.node("Unsqueeze", m.node("Tanh", p), m.constant(numpy.array([2, 3])))
        y = m.node("Transpose", m.node("Cast", y, to=1), perm=[0, 2, 3, 1])
        self.assertEqual(layers_of(m.model(y, (2, 1, 1, 4)))[1], [
            "Transpose 'transpose5': It makes [2, 1, 1, 4] of [2, 4, 1, 1], which is neither flat nor the image as it "
            "was."])

    def test_softmax(self):
        self.one("Softmax", shape=(3, 7), out=(3, 7), expected='x.softmax("softmax")')
        self.one("Softmax", shape=(3, 7), out=(3, 7), axis=1, opset=11)

    def test_all_of_them_at_once(self):
        self.same(operators())


class Sentences(unittest.TestCase):
    def says(self, sentence, model):
        problems = layers_of(model)[1]
        self.assertEqual(len(problems), 1, problems)
        self.assertEqual(problems[0], sentence)

    def one(self, sentence, operation, *constants, shape=IMAGE, out=None, opset=13, **attributes):
        m = Model(shape)
        y = m.node(operation, "x", *(m.constant(c) for c in constants), **attributes)
        self.says(f"{operation} '{y}': {sentence}", m.model(y, out, opset))

    def two(self, sentence, operation, other, out=None, **attributes):
        """Of the input and something made of it."""
        m = Model(IMAGE)
        y = m.node(operation, "x", other(m), **attributes)
        self.says(f"{operation} '{y}': {sentence}", m.model(y, out))

    def test_operators_that_there_are_not(self):
        no_layer = "bcr's networks have no such layer."
        for operation in ("LeakyRelu", "Elu", "Abs"):
            self.one(no_layer, operation)
        self.one(no_layer, "Resize", numpy.zeros(0), numpy.ones(4))
        self.two("There is no product of two images.", "Mul", lambda m: m.node("Relu", "x"))
        self.two("There is no difference of two images.", "Sub", lambda m: m.node("Relu", "x"))
        self.two("There is no division by an image.", "Div", lambda m: m.node("Relu", "x"))

    def test_all_are_listed_and_nothing_that_follows_from_them(self):
        m = Model(IMAGE)
        y = m.node("Relu", m.node("LeakyRelu", m.node("Elu", "x")))
        y = m.node("Clip", y, m.constant(numpy.float32(-1)), m.constant(numpy.float32(1)))
        y = m.node("Softmax", m.node("Add", y, m.node("Abs", "x")))
        problems = layers_of(m.model(y, IMAGE))[1]
        self.assertEqual([p.split("'")[0] for p in problems], ["Elu ", "LeakyRelu ", "Abs "])

    def test_convolutions(self):
        weight = numpy.ones((4, 4, 3, 3))
        self.one("Its weights are for 3 channels, and the image has 4.", "Conv", numpy.ones((4, 3, 3, 3)))
        self.one("Its window does not fit into the padded image.", "Conv", numpy.ones((4, 4, 10, 3)))
        self.one("Its padding is not that of an image, or less than nothing.", "Conv", weight, pads=[-1, 0, 0, 0])
        self.two("Its weights are not constant.", "Conv", lambda m: m.node("Relu", "x"))

    def test_matrices(self):
        self.one("It does not multiply a matrix of a row an item by a constant one of its columns.", "MatMul",
                 numpy.ones((8, 3)))
        self.one("It does not multiply by a constant matrix from the right.", "MatMul", numpy.ones((2, 4, 8, 3)))
        self.one("It transposes what is no constant.", "Gemm", numpy.ones((3, 3)), shape=(3, 5), transA=1)
        self.one("What it adds is not a bias, a number for every output.", "Gemm", numpy.ones((5, 3)),
                 numpy.ones((4, 1)), shape=(4, 5))
        self.two("Its weights are not constant.", "Gemm", lambda m: m.node("Relu", "x"))

    def test_images(self):
        self.two("It adds [2, 4, 1, 1] to [2, 4, 9, 8], and sums are of equal shapes.", "Add",
                 lambda m: m.node("GlobalAveragePool", "x"))
        self.one("Its constant has a number for something else than channels.", "Add", numpy.ones(8))
        self.two("It puts something else together than channels.", "Concat", lambda m: m.node("Relu", "x"), axis=2)
        self.two("Images whose channels are put together have the same height and width.", "Concat",
                 lambda m: m.node("MaxPool", "x", kernel_shape=[2, 2]), axis=1)
        self.two("A constant takes the place of an image.", "Concat", lambda m: m.weight(2, 4, 9, 8), axis=1)
        self.one("Its parameters are not constant, or not as many as there are channels.", "BatchNormalization",
                 *[numpy.ones(3)] * 4)

    def test_activations(self):
        self.one("It clips to -1.0 and 1.0; there are 0 and 6, and 0 alone.", "Clip", numpy.float32(-1),
                 numpy.float32(1))
        self.one("A softmax is over the channels of images of one pixel.", "Softmax", axis=1)
        # Somebody else uses a part of what would be a SiLU.
        m = Model(IMAGE)
        y = m.node("Sigmoid", "x")
        self.says("Mul 'mul1': There is no product of two images.", m.model(m.node("Add", m.node("Mul", "x", y), y)))

    def test_pooling(self):
        pool = {"kernel_shape": [2, 2]}
        self.one("A pooling window's padding is smaller than its kernel.", "MaxPool", pads=[2, 0, 0, 0], **pool)
        self.one("It is not the mean over height and width.", "ReduceMean", axes=[1])
        m = Model(IMAGE)
        m.nodes.append(onnx.helper.make_node("MaxPool", ["x"], ["y", "where"], "pool", **pool))
        cast = m.node("Cast", "where", to=1)
        problems = layers_of(m.model(m.node("Add", "y", cast)))[1]
        self.assertEqual(problems, ["MaxPool 'pool': Its second result is used."])
        m = Model(IMAGE)
        y = m.node("MaxPool", m.node("Pad", "x", m.constant(numpy.array([0, 0, 1, 1, 0, 0, 1, 1]))), **pool)
        self.says("MaxPool 'maxpool1': What comes before is padded, which only convolutions and average pooling can "
                  "take in.", m.model(y))
        m = Model(IMAGE)
        y = m.node("Pad", "x", m.constant(numpy.array([0, 0, 1, 1, 0, 0, 1, 1])))
        y = m.node("AveragePool", y, pads=[1, 1, 1, 1], **pool)
        self.says("AveragePool 'averagepool1': It counts the zeros of the Pad before it and not those of its own "
                  "padding.", m.model(y))

    def test_shapes(self):
        self.one("It makes [8, 72] of [2, 4, 9, 8], which is neither flat nor the image as it was.", "Reshape",
                 numpy.array([8, -1]))
        self.one("It changes the order of elements.", "Transpose", perm=[0, 2, 3, 1])
        self.one("It pads something else than height and width.", "Pad", numpy.array([0, 1, 0, 0, 0, 0, 0, 0]))
        self.one("It pads with something else than zeros.", "Pad", numpy.array([0, 0, 1, 0, 0, 0, 0, 0]),
                 mode="reflect")
        self.one("It casts to another type than float.", "Cast", to=10)

    def test_what_is_rare(self):
        def says(sentence, make, shape=IMAGE, check=True):
            m = Model(shape)
            y = make(m)
            made = m.model(y, check=check)
            self.says(f"{m.nodes[-1].op_type} '{y}': {sentence}", made)

        weight = numpy.ones((4, 4, 3, 3))
        self.one("There is no auto_pad of 'SOME'.", "Conv", weight, auto_pad="SOME")
        self.one("Its kernel has 1 dimensions, and images have two.", "MaxPool", kernel_shape=[2])
        self.one("Its stride has 3 dimensions, and images have two.", "Conv", weight, strides=[1, 1, 1])
        says("Average pooling has no dilation.",
             lambda m: m.node("AveragePool", "x", kernel_shape=[2, 2], dilations=[2, 2]), check=False)
        says("There is no GELU by an approximation.", lambda m: m.node("Gelu", "x", approximate="tanh"), check=False)
        says("It adds a constant and more than one image.", lambda m: m.node("Sum", "x", "x", m.weight(1)))
        says("It is constant, and the converter cannot compute it.", lambda m: m.node("Relu", m.weight(4)))
        says("It casts to type STRING.", lambda m: m.node("Cast", m.weight(4), to=8))
        says("It is meant for training.",
             lambda m: m.node("BatchNormalization", "x", *[m.constant(numpy.ones(4))] * 4, training_mode=1),
             check=False)
        says("Its bounds are not constant.", lambda m: m.node("Clip", "x", "x"))
        says("Its shape is not constant.", lambda m: m.node("Reshape", "x", "x"))
        says("It is not of images.", lambda m: m.node("GlobalAveragePool", m.node("Flatten", "x")))
        says("It is not as ONNX has it ('axis').", lambda m: m.node("Concat", "x", "x"), check=False)

    def test_whole_models(self):
        def refused(sentence, model, **given):
            with self.assertRaises(Problem) as caught:
                loaded(model, **given)
            self.assertEqual(str(caught.exception), sentence)

        m = Model((1, 3, "height", 8))
        y = m.node("Relu", "x")
        open_shape = m.model(y)
        refused("The model's input has no fixed shape of batch, channels, height and width, or of batch and channels: "
                "--input-shape 1,3,224,224 says what it is.", open_shape)
        self.assertEqual(loaded(open_shape, (1, 3, 9, 8)).input_shape, (1, 3, 9, 8))
        self.assertEqual(loaded(Model(("n", 3, 9, 8)).model("x")).input_shape, (1, 3, 9, 8))
        two = m.model(y)
        two.graph.output.append(onnx.helper.make_tensor_value_info("x", 1, IMAGE))
        refused("The model has 1 inputs and 2 outputs; a network has one of each.", two)
        whole = m.model(y)
        whole.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT64
        refused("The model's input is not of 32-bit floats, which networks here compute in.", whole)
        missing = Model(IMAGE)
        missing = missing.model(missing.node("Relu", "x"))
        missing.graph.node[0].input[0] = "nobody"
        refused("The tensor 'nobody' is used before anything makes it.", missing)
        self.assertEqual(layers_of(Model(IMAGE).model("x", IMAGE))[1], ["The model's result is not that of a layer."])


class Storage(unittest.TestCase):
    def test_the_smallest_pattern(self):
        kept = numpy.zeros((9, 20), bool)
        kept[0, 3] = kept[2, 5] = kept[8, 19] = True
        self.assertEqual(covered(kept, (4, 16)), 4 + 1)
        self.assertEqual(covered(kept, (16, 64)), 9)

    def test_blocks(self):
        random = numpy.random.default_rng(1)
        for block in ((4, 16), (8, 32), (16, 64), (64, 64)):
            rows = random.random((256 // block[0], 512 // block[1], block[0], 1)) < 0.5
            columns = random.random((256 // block[0], 512 // block[1], 1, block[1])) < 0.3
            weight = (rows & columns).transpose(0, 2, 1, 3).reshape(256, 512).astype(float)
            found, density = choose(weight, 0.8)
            self.assertEqual(found, block)
            self.assertAlmostEqual(density, weight.mean(), 2)
        self.assertIsNone(choose(random.random((64, 64)), 0.8)[0])
        self.assertIsNone(choose(random.random((64, 64)) < 0.5, 0.8)[0])  # no pattern has so few
        self.assertEqual(choose(numpy.zeros((64, 64)), 0.8, (2, 2)), ((2, 2), 0))
        self.assertEqual(choose(numpy.zeros((3, 3)), 0.8)[0], (4, 16))


class Program(unittest.TestCase):
    def run_on(self, model, *options):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        path = pathlib.Path(self.folder.name)
        (path / "my model.onnx").write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
        command = [sys.executable, HERE.parent / "convert.py", path / "my model.onnx", path / "out", *options]
        return subprocess.run(command, capture_output=True, text=True), path / "out"

    def test_what_it_writes(self):
        done, out = self.run_on(operators())
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("my_model: 28 layers, 3 of them pruned\n", done.stdout)
        text = (out / "my_model.hpp").read_text()
        self.assertIn("namespace my_model {", text)
        self.assertLess(max(map(len, text.splitlines())), 121)
        file = (out / "my_model.safetensors").read_bytes()
        size = struct.unpack("<Q", file[:8])[0]
        about = json.loads(file[8:8 + size])["first.weight"]
        self.assertEqual((about["dtype"], about["shape"]), ("F32", [8, 6, 3, 3]))
        weight = numpy.frombuffer(file[8 + size:][slice(*about["data_offsets"])], "<f4").reshape(about["shape"])
        first = operators().graph.initializer[0]
        self.assertTrue((weight == onnx.numpy_helper.to_array(first)).all())

    def test_options(self):
        done, out = self.run_on(operators(), "--block", "4x8", "--name", "other", "--dense-above", "0.3")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        text = (out / "other.hpp").read_text()
        self.assertEqual(text.count("pruned(4, 8)"), 2)
        for option in (("--block", "0x8"), ("--block", "8"), ("--input-shape", "1,2,3")):
            self.assertEqual(self.run_on(operators(), *option)[0].returncode, 2)

    def test_what_it_cannot_convert(self):
        m = Model(IMAGE)
        done, out = self.run_on(m.model(m.node("Elu", m.node("LeakyRelu", "x")), IMAGE))
        self.assertEqual(done.returncode, 1)
        lines = [line.split(": ", 1)[1] for line in done.stderr.splitlines()]
        self.assertEqual(lines, ["LeakyRelu 'leakyrelu0': bcr's networks have no such layer.",
                                 "Elu 'elu1': bcr's networks have no such layer."])
        self.assertFalse(out.exists())
        self.assertIn("The file is no ONNX model.", self.run_on(b"nothing of the kind")[0].stderr)
        command = [sys.executable, HERE.parent / "convert.py", "/nowhere.onnx", "/tmp"]
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertIn("The file cannot be read or written (No such file or directory).", done.stderr)


if __name__ == "__main__":
    unittest.main()
