// bench/run.sh dense: the layers around pruned ones beside oneDNN's, as a table. oneDNN runs with the layouts that it
// likes best, whose conversion is not counted, and with images as bcr has them (NCHW). Both are checked against each
// other.
#include <omp.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <unordered_map>
#include <vector>

#include "bcr/bcr.hpp"
#include "environment.hpp"
#include "machine.hpp"
#include "measure.hpp"
#include "peers/onednn_memory.hpp"
#include "problem.hpp"

namespace {

using dnnl::memory;
using tag = memory::format_tag;

enum class kind { convolution, depthwise, maximum };
struct layer {
  const char* name;
  kind what;
  std::size_t channels, outputs, size, kernel, stride, padding;
};
constexpr layer layers[] = {
    {"first 3x3/2, VGG's and MobileNet's", kind::convolution, 3, 32, 224, 3, 2, 1},
    {"first 3x3, 64", kind::convolution, 3, 64, 224, 3, 1, 1},
    {"first 7x7/2, ResNet's", kind::convolution, 3, 64, 224, 7, 2, 3},
    {"3x3 64@56", kind::convolution, 64, 64, 56, 3, 1, 1},
    {"3x3 128@28", kind::convolution, 128, 128, 28, 3, 1, 1},
    {"3x3 256@14", kind::convolution, 256, 256, 14, 3, 1, 1},
    {"3x3 512@7", kind::convolution, 512, 512, 7, 3, 1, 1},
    {"3x3/2 64-128@56", kind::convolution, 64, 128, 56, 3, 2, 1},
    {"1x1/2 64-128@56", kind::convolution, 64, 128, 56, 1, 2, 0},
    {"1x1 256-64@56", kind::convolution, 256, 64, 56, 1, 1, 0},
    {"depthwise 3x3 32@112", kind::depthwise, 32, 32, 112, 3, 1, 1},
    {"depthwise 3x3/2 96@112", kind::depthwise, 96, 96, 112, 3, 2, 1},
    {"depthwise 3x3 144@56", kind::depthwise, 144, 144, 56, 3, 1, 1},
    {"depthwise 3x3 192@28", kind::depthwise, 192, 192, 28, 3, 1, 1},
    {"depthwise 3x3 384@14", kind::depthwise, 384, 384, 14, 3, 1, 1},
    {"depthwise 3x3 960@7", kind::depthwise, 960, 960, 7, 3, 1, 1},
    {"depthwise 5x5 120@28", kind::depthwise, 120, 120, 28, 5, 1, 2},
    {"depthwise 5x5/2 240@28", kind::depthwise, 240, 240, 28, 5, 2, 2},
    {"max pool 3x3/2 64@112", kind::maximum, 64, 64, 112, 3, 2, 1},
    {"max pool 2x2/2 64@224", kind::maximum, 64, 64, 224, 2, 2, 0},
};

bcr::window2d window_of(const layer& l) {
  return {.kernel = {l.kernel, l.kernel}, .stride = {l.stride, l.stride}, .padding = bcr::pad_all(l.padding)};
}
memory::dim dim(std::size_t n) { return static_cast<memory::dim>(n); }

struct operands {
  bcr::image_shape input, output;
  std::size_t inner;  // columns of the weights
  bcr::buffer<float> x, weights, bias;

  explicit operands(const layer& l)
      : input{1, l.channels, l.size, l.size},
        output{1, l.outputs, window_of(l).positions(input).height, window_of(l).positions(input).width},
        inner((l.what == kind::depthwise ? 1 : l.channels) * l.kernel * l.kernel),
        x(bench::random_floats(input.elements(), 1)),
        weights(bench::random_floats(l.outputs * inner, 2)),
        bias(bench::random_floats(l.outputs, 3)) {}
  double multiply_adds() const { return static_cast<double>(output.elements() * inner); }
};

// Whatever oneDNN computes with the layouts given; `read` turns its result back.
class onednn_layer {
 public:
  onednn_layer(const layer& l, const operands& in, tag images) {
    const memory::dims source{1, dim(l.channels), dim(l.size), dim(l.size)};
    const memory::dims target{1, dim(l.outputs), dim(in.output.height), dim(in.output.width)};
    const memory::dims strides{dim(l.stride), dim(l.stride)}, pad{dim(l.padding), dim(l.padding)};
    plain_target_ = desc(target, tag::nchw);
    if (l.what == kind::maximum) {
      const dnnl::pooling_forward::primitive_desc p({dnnl::prop_kind::forward_inference,
                                                     dnnl::algorithm::pooling_max,
                                                     desc(source, images == tag::any ? tag::nChw16c : images),
                                                     desc(target, tag::any),
                                                     strides,
                                                     {dim(l.kernel), dim(l.kernel)},
                                                     pad,
                                                     pad},
                                                    engine_);
      take(dnnl::pooling_forward(p), p.src_desc(), p.dst_desc(), desc(source, tag::nchw), in);
      return;
    }
    const bool depthwise = l.what == kind::depthwise;
    const memory::dims weights = depthwise
                                     ? memory::dims{dim(l.channels), 1, 1, dim(l.kernel), dim(l.kernel)}
                                     : memory::dims{dim(l.outputs), dim(l.channels), dim(l.kernel), dim(l.kernel)};
    dnnl::post_ops relu;
    relu.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
    dnnl::primitive_attr attributes;
    attributes.set_post_ops(relu);
    const dnnl::convolution_forward::primitive_desc p(
        {dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, desc(source, images),
         desc(weights, tag::any), desc({dim(l.outputs)}, tag::x), desc(target, images), strides, pad, pad},
        attributes, engine_);
    take(dnnl::convolution_forward(p), p.src_desc(), p.dst_desc(), desc(source, tag::nchw), in);
    arguments_[DNNL_ARG_WEIGHTS] = bench::onednn_memory(
        engine_, p.weights_desc(), desc(weights, depthwise ? tag::goihw : tag::oihw), in.weights.data());
    arguments_[DNNL_ARG_BIAS] =
        bench::onednn_memory(engine_, desc({dim(l.outputs)}, tag::x), desc({dim(l.outputs)}, tag::x), in.bias.data());
  }

  void run() {
    primitive_.execute(stream_, arguments_);
    stream_.wait();
  }
  std::vector<float> read(std::size_t elements) {
    std::vector<float> y(elements);
    bench::onednn_read(engine_, target_, plain_target_, y.data());
    return y;
  }

 private:
  static memory::desc desc(const memory::dims& extents, tag layout) {
    return {extents, memory::data_type::f32, layout};
  }
  void take(dnnl::primitive primitive, const memory::desc& source, const memory::desc& target,
            const memory::desc& plain, const operands& in) {
    primitive_ = std::move(primitive);
    target_ = memory(target, engine_);
    arguments_ = {{DNNL_ARG_SRC, bench::onednn_memory(engine_, source, plain, in.x.data())}, {DNNL_ARG_DST, target_}};
  }

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  dnnl::primitive primitive_;
  memory target_;
  memory::desc plain_target_;
  std::unordered_map<int, memory> arguments_;
};

double difference(const std::vector<float>& a, const float* b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, static_cast<double>(std::abs(a[i] - b[i])));
  return most;
}

// Measures `call`, which leaves its result in `y`, beside oneDNN's layer. Returns whether the results agree.
bool race(const layer& l, const operands& in, const float* y, const std::function<void()>& call,
          const bench::options& how) {
  onednn_layer free(l, in, tag::any), plain(l, in, tag::nchw);
  bench::entrant ours{.call = call, .with_probe = true}, theirs{.call = [&] { free.run(); }},
      nchw{.call = [&] { plain.run(); }};
  for (bench::entrant* e : {&ours, &theirs, &nchw}) bench::warm_up(*e, how);
  bench::entrant* const all[] = {&ours, &theirs, &nchw};
  bench::measure(all, how.rounds, how);
  const double operations = l.what == kind::maximum ? 0 : 2 * in.multiply_adds();
  const auto share = bench::over_rounds(
      {&ours}, [&](std::size_t r) { return operations / ours.samples[r].seconds / ours.samples[r].peak; });
  const auto peer_share = bench::over_rounds(
      {&ours, &theirs}, [&](std::size_t r) { return operations / theirs.samples[r].seconds / ours.samples[r].peak; });
  const double off =
      std::max(difference(free.read(in.output.elements()), y), difference(plain.read(in.output.elements()), y));
  const bool right = off <= 1e-6 * static_cast<double>(in.inner + 8);
  std::printf("| %-34s | %8.1f | %4.2f | %8.1f | %4.2f | %8.1f | %4.2f | %4.2f |%s\n", l.name,
              1e6 * bench::seconds(ours).median, share.median, 1e6 * bench::seconds(theirs).median, peer_share.median,
              1e6 * bench::seconds(nchw).median, bench::speedup(ours, theirs).median, bench::speedup(ours, nchw).median,
              right ? "" : " WRONG");
  std::fflush(stdout);
  return right;
}

template <class Plan, class... Epilogue>
bool race_plan(const layer& l, const operands& in, const bcr::result<Plan>& plan, const bench::options& how,
               const Epilogue&... epilogue) {
  if (!plan) return std::puts(plan.message()), false;
  std::vector<std::byte> workspace(plan->workspace_bytes());
  bcr::buffer<float> y = bench::floats(in.output.elements());
  return race(
      l, in, y.data(),
      [&] {
        (void)plan->run({in.x.data(), in.input.elements()}, {y.data(), in.output.elements()}, workspace, epilogue...);
      },
      how);
}

bool race_layer(const layer& l, const bench::options& how) {
  const operands in(l);
  using bias_relu = bcr::epilogue::chain_of<bcr::epilogue::bias<float>, bcr::epilogue::relu>;
  const bias_relu epilogue = bcr::epilogue::chain(bcr::epilogue::bias<float>{in.bias.data()}, bcr::epilogue::relu{});
  const bcr::matrix_view<const float> weights(in.weights.data(), l.outputs, in.inner);
  switch (l.what) {
    case kind::convolution:
      return race_plan(
          l, in, bcr::dense_conv2d_plan<float, bias_relu>::create(weights, {.input = in.input, .window = window_of(l)}),
          how, epilogue);
    case kind::depthwise:
      return race_plan(
          l, in, bcr::depthwise_plan<float, bias_relu>::create(weights, {.input = in.input, .window = window_of(l)}),
          how, epilogue);
    case kind::maximum:
      break;
  }
  return race_plan(l, in, bcr::pooling_plan<float>::create({.input = in.input, .window = window_of(l)}), how);
}

}  // namespace

int main(int argc, char** argv) {
  bench::restart_with_environment_of_peers(argv);
  omp_set_num_threads(1);
  bench::options how;
  how.rounds = 11;
  std::string filter;
  CLI::App app("Measures bcr's dense layers beside oneDNN's, on one thread.");
  app.add_option("--filter", filter, "only layers whose names have these words in them");
  app.add_option("--rounds", how.rounds, "timed rounds")->check(CLI::Range(3, 1000));
  CLI11_PARSE(app, argc, argv);
  std::puts(
      "| layer, f32, one thread             |   bcr us | peak | oneDNN us | peak | NCHW us | bcr over oneDNN | over "
      "NCHW |\n|---|---|---|---|---|---|---|---|");
  bool right = true;
  for (const layer& l : layers) {
    if (std::string(l.name).find(filter) != std::string::npos) right &= race_layer(l, how);
  }
  return right ? 0 : 1;
}
