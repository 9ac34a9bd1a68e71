"""Inference engines from PyPI that take part in bench/networks.py: each is given a network as a file of its own kind, and
becomes a function from the input to the result. All run in float, on one thread.
"""

import importlib
import os
import subprocess
import sys

import numpy

IMAGE = (1, 3, 224, 224)


def exported(model, kind, save):
    """The path of the model in a format, written unless it is there."""
    path = model.path(kind)
    if not os.path.exists(path):
        save(path + ".part")
        os.replace(path + ".part", path)
    return path


def onnx_file(model):
    from peers import export_onnx
    return exported(model, "onnx", lambda path: export_onnx.save(model.layers, path))


def onnxruntime(model):
    import onnxruntime as engine
    options = engine.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = engine.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = engine.InferenceSession(onnx_file(model), options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(None, {"input": x})[0]


def openvino(model):
    import openvino as engine
    how = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1,
           "INFERENCE_PRECISION_HINT": "f32", "ENABLE_CPU_PINNING": False}
    compiled = engine.Core().compile_model(onnx_file(model), "CPU", how)
    request = compiled.create_infer_request()

    def run(x):
        request.get_input_tensor().data[:] = x
        request.infer()
        return request.get_output_tensor().data

    return run


def ncnn(model):
    import ncnn as engine
    from peers import export_ncnn
    weights = model.path("ncnn.bin")
    text = exported(model, "ncnn.param", lambda path: export_ncnn.save(model.layers, path, weights))
    net = engine.Net()
    net.opt.num_threads = 1
    net.opt.use_vulkan_compute = False
    for narrow in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
        setattr(net.opt, narrow, False)
    if net.load_param(text) != 0 or net.load_model(weights) != 0:
        raise RuntimeError("The files were refused.")

    def run(x):
        with net.create_extractor() as extractor:
            extractor.input("input", engine.Mat(x[0]))
            return numpy.array(extractor.extract(f"r{len(model.layers) - 1}")[1])

    return run


def mnn_file(model, kind, *options):
    def convert(path):
        subprocess.run([sys.executable, "-m", "MNN.tools.mnnconvert", "-f", "ONNX", "--modelFile", onnx_file(model),
                        "--MNNModel", path, "--bizCode", "bcr", *options], check=True, capture_output=True)
    return exported(model, kind, convert)


def mnn_session(path):
    import MNN as engine
    interpreter = engine.Interpreter(path)
    session = interpreter.createSession({"backend": "CPU", "numThread": 1, "precision": "high"})
    source, target = interpreter.getSessionInput(session), interpreter.getSessionOutput(session)
    result = numpy.zeros(target.getShape(), numpy.float32)

    def run(x):
        source.copyFrom(engine.Tensor(IMAGE, engine.Halide_Type_Float, x, engine.Tensor_DimensionType_Caffe))
        interpreter.runSession(session)
        held = engine.Tensor(result.shape, engine.Halide_Type_Float, result, engine.Tensor_DimensionType_Caffe)
        target.copyToHostTensor(held)
        return numpy.array(held.getNumpyData())

    run.keeps = interpreter, session
    return run


def mnn(model):
    return mnn_session(mnn_file(model, "mnn"))


def mnn_sparse(model):
    return mnn_session(mnn_file(model, "sparse.mnn", "--detectSparseSpeedUp"))


def litert(model):
    from ai_edge_litert.interpreter import Interpreter
    from peers import export_tflite
    path = exported(model, "tflite", lambda path: export_tflite.save(model.layers, path))
    interpreter = Interpreter(model_path=path, num_threads=1)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def run(x):
        interpreter.set_tensor(source, numpy.ascontiguousarray(x.transpose(0, 2, 3, 1)))
        interpreter.invoke()
        return interpreter.get_tensor(target)

    return run


def deepsparse(model):
    import deepsparse as engine
    compiled = engine.Engine(onnx_file(model), batch_size=1, num_cores=1)
    return lambda x: compiled.run([x])[0]


def tvm(model):
    """As it compiles a model by itself: its tuner, which tries schedules for hours, is not run."""
    import onnx
    import tvm as engine
    from tvm import relax
    from tvm.relax.frontend.onnx import from_onnx
    compiled = engine.compile(from_onnx(onnx.load(onnx_file(model))), target=engine.target.Target.from_device("cpu"))
    machine = relax.VirtualMachine(compiled, engine.cpu())

    def run(x):
        result = machine["main"](engine.runtime.tensor(x, engine.cpu()))
        return (result if hasattr(result, "numpy") else result[0]).numpy()

    return run


# By name: the module that has to be there, and what makes a function of a model.
DENSE = {"onnxruntime": ("onnxruntime", onnxruntime), "openvino": ("openvino", openvino), "ncnn": ("ncnn", ncnn),
         "mnn": ("MNN", mnn), "litert": ("ai_edge_litert", litert), "deepsparse": ("deepsparse", deepsparse),
         "tvm": ("tvm", tvm)}
# With the pruned weights.
SPARSE = {"mnn_sparse": ("MNN", mnn_sparse), "deepsparse_sparse": ("deepsparse", deepsparse)}


def version(module):
    """None if it is not there."""
    try:
        found = importlib.import_module(module)
    except Exception as problem:  # whatever a package does when it is imported
        return None, f"{type(problem).__name__}: {problem}"
    return getattr(found, "__version__", None) or getattr(found, "version", lambda: "?")(), None
