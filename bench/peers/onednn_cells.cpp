// oneDNN's LSTM and GRU (2.x and 3.x), one step at a time, with weights packed as the library likes them.
#include <omp.h>

#include <cstring>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <utility>

#include "cell_contender.hpp"
#include "peers/onednn_memory.hpp"

namespace bench {
namespace {

using dnnl::memory;
using tag = memory::format_tag;

memory::desc floats_desc(memory::dims extents, tag layout) {
  return {std::move(extents), memory::data_type::f32, layout};
}

class onednn_cell final : public cell_contender {
 public:
  explicit onednn_cell(const cell_problem& p) : p_(p) {
    omp_set_num_threads(p_.threads);
    if (is_lstm()) {
      prepare<dnnl::lstm_forward>();
    } else {
      prepare<dnnl::lbr_gru_forward>();
    }
  }

  std::string name() const override { return is_lstm() ? "onednn_lstm" : "onednn_gru"; }

  void run() override {
    omp_set_num_threads(p_.threads);
    primitive_.execute(stream_, arguments_[turn_]);
    stream_.wait();
    turn_ = 1 - turn_;  // the state that came out goes in
  }

  std::vector<float> state() const override {
    std::vector<float> h(p_.batch * p_.hidden);
    const memory from = arguments_[0].at(DNNL_ARG_DST_LAYER);
    std::memcpy(h.data(), from.get_data_handle(), h.size() * sizeof(float));
    return h;
  }

 private:
  using dim = memory::dim;

  bool is_lstm() const { return p_.kind == bcr::cell_kind::lstm; }

  // How an LSTM is described differs from how a GRU is by its second state.
  template <class Primitive>
  typename Primitive::primitive_desc describe(const memory::desc& x, const memory::desc& state,
                                              const memory::desc& input, const memory::desc& recurrent,
                                              const memory::desc& bias, const memory::desc& y) const {
    constexpr auto inference = dnnl::prop_kind::forward_inference;
    constexpr auto forward = dnnl::rnn_direction::unidirectional_left2right;
    const auto made = [&](const auto&... descriptions) {
#if DNNL_VERSION_MAJOR >= 3
      return typename Primitive::primitive_desc(engine_, inference, forward, descriptions...);
#else
      return typename Primitive::primitive_desc(typename Primitive::desc(inference, forward, descriptions...), engine_);
#endif
    };
    if constexpr (std::is_same_v<Primitive, dnnl::lstm_forward>) {
      return made(x, state, state, input, recurrent, bias, y, state, state);
    } else {
      return made(x, state, input, recurrent, bias, y, state);
    }
  }

  template <class Primitive>
  void prepare() {
    constexpr dim one = 1;
    const dim i = static_cast<dim>(p_.inputs), h = static_cast<dim>(p_.hidden), n = static_cast<dim>(p_.batch);
    const dim gates = static_cast<dim>(bcr::gates_of(p_.kind));
    const auto x = floats_desc({one, n, i}, tag::tnc), y = floats_desc({one, n, h}, tag::tnc);
    const auto state = floats_desc({one, one, n, h}, tag::ldnc);
    // A GRU that resets after the product has a bias of its own for that, which is zero here.
    const auto bias = floats_desc({one, one, is_lstm() ? gates : gates + 1, h}, tag::ldgo);
    const auto best = describe<Primitive>(x, state, floats_desc({one, one, i, gates, h}, tag::any),
                                          floats_desc({one, one, h, gates, h}, tag::any), bias, y);
    primitive_ = Primitive(best);
    std::unordered_map<int, memory> common{
        {DNNL_ARG_SRC_LAYER, filled(x, p_.x, p_.batch * p_.inputs)},
        {DNNL_ARG_WEIGHTS_LAYER, packed(best.weights_layer_desc(), {one, one, i, gates, h}, p_.input_weights)},
        {DNNL_ARG_WEIGHTS_ITER, packed(best.weights_iter_desc(), {one, one, h, gates, h}, p_.recurrent_weights)},
        {DNNL_ARG_BIAS, filled(bias, p_.bias, p_.rows())},
        {DNNL_ARG_DST_LAYER, filled(y, nullptr, 0)},
        {DNNL_ARG_WORKSPACE, memory(best.workspace_desc(), engine_)}};
    const memory h0 = filled(state, nullptr, 0), h1 = filled(state, nullptr, 0);
    const memory c0 = filled(state, nullptr, 0), c1 = filled(state, nullptr, 0);
    for (int turn = 0; turn < 2; ++turn) {
      arguments_[turn] = common;
      arguments_[turn].insert({{DNNL_ARG_SRC_ITER, turn == 0 ? h0 : h1}, {DNNL_ARG_DST_ITER, turn == 0 ? h1 : h0}});
      if (!is_lstm()) continue;
      arguments_[turn].insert({{DNNL_ARG_SRC_ITER_C, turn == 0 ? c0 : c1}, {DNNL_ARG_DST_ITER_C, turn == 0 ? c1 : c0}});
    }
  }

  // `count` floats, and zeros after them.
  memory filled(const memory::desc& what, const float* data, std::size_t count) const {
    memory made(what, engine_);
    std::memset(made.get_data_handle(), 0, what.get_size());
    if (count != 0) std::memcpy(made.get_data_handle(), data, count * sizeof(float));
    return made;
  }

  memory packed(const memory::desc& wanted, memory::dims extents, const float* data) {
    return onednn_memory(engine_, wanted, floats_desc(std::move(extents), tag::ldgoi), data);
  }

  cell_problem p_;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  dnnl::primitive primitive_;
  std::unordered_map<int, memory> arguments_[2];
  int turn_ = 0;
};

}  // namespace

std::unique_ptr<cell_contender> make_onednn_cell(const cell_problem& p) {
  try {
    return std::make_unique<onednn_cell>(p);
  } catch (const dnnl::error&) {
    return nullptr;
  }
}

}  // namespace bench
