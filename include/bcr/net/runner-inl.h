// Runs a network: made once of its constexpr description and its parameters, or of their saved form, immutable after
// that, without allocating.
#if defined(BCR_NET_RUNNER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_NET_RUNNER_INL_H_
#undef BCR_NET_RUNNER_INL_H_
#else
#define BCR_NET_RUNNER_INL_H_
#endif

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "bcr/core/buffer.hpp"
#include "bcr/core/cold.hpp"
#include "bcr/core/executor.hpp"
#include "bcr/net/check.hpp"
#include "bcr/net/form.hpp"
#include "bcr/net/layers-inl.h"
#include "bcr/net/memory.hpp"
#include "bcr/net/pack.hpp"
#include "bcr/net/parameters.hpp"
#include "bcr/net/saved.hpp"
#include "bcr/net/steps.hpp"
#include "bcr/op/workspace.hpp"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

struct network_options {
  std::size_t threads = 1;  // tasks to prepare for at most: the executor's concurrency
  // Where making a runner fails, the name of the layer is written here.
  const char** failed_layer = nullptr;
};

// `Net` is a constexpr network of static storage.
template <const auto& Net, class T = float>
class network_runner {
  static_assert(net::check<Net>());
  static constexpr auto program_ = net::steps_of(Net);
  static constexpr auto memory_ = net::plan_memory(Net, program_, kReadsInPlace);
  static constexpr std::uint64_t description_ = net::description_of(Net);
  static constexpr std::size_t count_ = program_.count;
  static_assert(count_ != 0, "bcr: a network has a layer beside its input");

 public:
  // A runner for these parameters, which are read and not kept (see net/parameters.hpp). Weights of layers that are
  // stored in blocks keep the smallest pattern around what is not zero. Fails with invalid_argument if a parameter is
  // missing or of another size, as the layers' plans do, and with out_of_memory.
  template <net::parameters_of<T> Parameters>
  BCR_COLD static result<network_runner> create(const Parameters& parameters,
                                                const network_options& options = {}) noexcept {
    return made_of(
        [&]<std::size_t I>(step_number<I>) { return net::load_weights<T>(Net, program_.steps[I], parameters); },
        options);
  }

  // A runner for the bytes that net::pack<Net, T>() made, of which `open` checks and keeps a copy: they may be
  // misaligned. Safe for any content and length. Fails as blob_view::open does, with foreign if the weights are another
  // network's, and with out_of_memory.
  BCR_COLD static result<network_runner> open(std::span<const std::byte> bytes,
                                              const network_options& options = {}) noexcept {
    auto copy = buffer<std::byte>::allocate(bytes.size());
    if (!copy) return copy.status();
    if (!bytes.empty()) std::memcpy(copy->data(), bytes.data(), bytes.size());
    return adopt(std::move(*copy), options);
  }
  // The same without a copy: `bytes`, 64-byte aligned, must outlive the runner and stay unchanged. Made for mapped
  // files. Packed weights, those of depthwise convolutions and biases are used where they are; what the plans of other
  // dense convolutions need is another order of their weights, which is a copy.
  BCR_COLD static result<network_runner> view(std::span<const std::byte> bytes,
                                              const network_options& options = {}) noexcept {
    const auto saved = net::open_saved<T>(Net, program_, description_, bytes);
    if (!saved) return saved.status();
    return made_of(
        [&]<std::size_t I>(step_number<I>) {
          return result(net::weights_of<T>(*saved, net::weights_before(Net, program_, I)));
        },
        options);
  }
  // The same for bytes that the runner takes over.
  BCR_COLD static result<network_runner> adopt(buffer<std::byte> bytes, const network_options& options = {}) noexcept {
    auto made = view(bytes, options);
    if (made) made->owned_ = std::move(bytes);
    return made;
  }

  static constexpr image_shape input_shape() noexcept { return Net.input_shape(); }
  static constexpr image_shape output_shape() noexcept { return Net.output_shape(); }
  // Layers that are run: those left once normalisations, sums and activations went into the layers before them.
  static constexpr std::size_t steps() noexcept { return count_; }
  // Bytes of results between layers, and the least there could be: the largest set of them that is needed at the same
  // time. The network's input and output are the caller's.
  static constexpr std::size_t activation_bytes() noexcept { return memory_.peak * sizeof(T); }
  static constexpr std::size_t least_activation_bytes() noexcept { return memory_.lower_bound * sizeof(T); }
  // Bytes of memory, of any alignment, that each run needs for itself: results, and what the largest layer works in.
  std::size_t workspace_bytes() const noexcept {
    return detail::workspace_bytes(1, activation_bytes()) + workspace_bytes_;
  }

  // Images of input_shape() and output_shape(), batch x channels x height x width without gaps, which must not overlap
  // each other or the workspace. Allocates nothing and starts no thread but through `threads`. Bitwise the same result
  // for any number of threads. Fails with invalid_argument, and then nothing was written.
  template <executor Executor = serial_executor>
  status run(std::span<const T> input, std::span<T> output, std::span<std::byte> workspace,
             Executor&& threads = {}) const noexcept {
    if (const status s = check_run(input, output, workspace); !s) return s;
    status first;
    for_each_step([&](auto number, const auto& s) noexcept {
      first = s.run(operands<number()>(input, output, workspace), threads);
      return first.ok();
    });
    return first;
  }

  // The same, and the seconds that each step took.
  template <executor Executor = serial_executor>
  status profile(std::span<const T> input, std::span<T> output, std::span<std::byte> workspace,
                 std::span<double> seconds, Executor&& threads = {}) const noexcept {
    if (const status s = check_run(input, output, workspace); !s) return s;
    if (seconds.size() != count_) return {errc::invalid_argument, "A network has a time for each of its steps()."};
    status first;
    for_each_step([&](auto number, const auto& s) noexcept {
      const auto begin = std::chrono::steady_clock::now();
      first = s.run(operands<number()>(input, output, workspace), threads);
      seconds[number()] = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      return first.ok();
    });
    return first;
  }

  // Calls line(text) for the head and every row of a table of what is run. Given `seconds` of profile(), it has those.
  template <class Line>
  BCR_COLD void describe(Line&& line, std::span<const double> seconds = {}) const noexcept {
    char row[256];
    const auto say = [&](int length) {
      line(std::string_view(row, std::min(sizeof row - 1, static_cast<std::size_t>(length < 0 ? 0 : length))));
    };
    say(std::snprintf(row, sizeof row, "%-24s %-14s %-18s %8s %10s %9s  %s", "layer", "operation", "result", "density",
                      "MFLOP kept", "us", "kernel"));
    for_each_step([&](auto number, const auto& s) noexcept {
      constexpr net::step at = program_.steps[number()];
      const net::layer& l = Net.layers[at.main];
      const image_shape& r = Net.layers[at.result].shape;
      const std::size_t weights = l.weight_rows() * Net.weight_columns(at.main), kept = s.weights_kept();
      char result[32], density[16] = "", cost[16] = "", time[16] = "";
      std::snprintf(result, sizeof result, "%zux%zux%zux%zu", r.batch, r.channels, r.height, r.width);
      if (kept != 0) {
        std::snprintf(density, sizeof density, "%.3f", static_cast<double>(kept) / static_cast<double>(weights));
        std::snprintf(cost, sizeof cost, "%.2f",
                      2e-6 * static_cast<double>(kept) * static_cast<double>(r.batch * r.pixels()));
      }
      if (number() < seconds.size()) std::snprintf(time, sizeof time, "%.1f", 1e6 * seconds[number()]);
      say(std::snprintf(row, sizeof row, "%-24s %-14s %-18s %8s %10s %9s  %s", l.name, net::name_of(l.kind), result,
                        density, cost, time, s.kernel_name()));
      return true;
    });
  }

 private:
  template <std::size_t I>
  using step_number = std::integral_constant<std::size_t, I>;

  network_runner() noexcept = default;

  // `load(number)` is the result of loading the weights of a step that has any.
  template <class Load>
  BCR_COLD static result<network_runner> made_of(const Load& load, const network_options& options) noexcept {
    network_runner made;
    status first;
    made.for_each_step([&](auto number, auto& s) noexcept {
      first = make<number()>(s, load, options.threads);
      if (!first && options.failed_layer != nullptr)
        *options.failed_layer = Net.layers[program_.steps[number()].main].name;
      if (first) made.workspace_bytes_ = std::max(made.workspace_bytes_, s.workspace_bytes());
      return first.ok();
    });
    if (!first) return first;
    return made;
  }

  template <std::size_t... I>
  static auto tuple_of(std::index_sequence<I...>) noexcept
      -> std::tuple<typename decltype(StepType<T, Net, program_, I>())::type...>;
  using steps_tuple = decltype(tuple_of(std::make_index_sequence<count_>()));

  // Calls visit(number, step) for each step until it returns false.
  template <class Visit>
  void for_each_step(const Visit& visit) noexcept {
    visit_all(steps_, visit, std::make_index_sequence<count_>());
  }
  template <class Visit>
  void for_each_step(const Visit& visit) const noexcept {
    visit_all(steps_, visit, std::make_index_sequence<count_>());
  }
  template <class Steps, class Visit, std::size_t... I>
  static void visit_all(Steps& steps, const Visit& visit, std::index_sequence<I...>) noexcept {
    (void)(visit(step_number<I>(), std::get<I>(steps)) && ...);
  }

  template <std::size_t I, class Step, class Load>
  static status make(Step& made, const Load& load, std::size_t threads) noexcept {
    constexpr net::step s = program_.steps[I];
    constexpr const net::layer& l = Net.layers[s.main];
    static_assert(l.kind != net::operation::batch_norm,
                  "bcr: a batch normalisation follows a convolution or a linear layer whose result nothing else uses");
    image_shape inputs[net::most_inputs];
    for (std::size_t i = 0; i < s.input_count; ++i) inputs[i] = Net.layers[s.inputs[i]].shape;
    StepMaking<T> how{l, {inputs, s.input_count}, Net.layers[s.result].shape, {}, threads};
    how.output_margins = memory_.margins[s.result];
    if (s.input_count != 0) how.input_margins = memory_.margins[s.inputs[0]];
    if (s.residual != net::no_layer) how.residual_margins = memory_.margins[s.residual];
    if constexpr (net::form_of(Net, s) != weights_form::none) {
      auto loaded = load(step_number<I>());
      if (!loaded) return loaded.status();
      how.loaded = std::move(*loaded);
    }
    return made.create(std::move(how));
  }

  status check_run(std::span<const T> input, std::span<T> output, std::span<std::byte> workspace) const noexcept {
    if (input.size() != input_shape().elements()) {
      return {errc::invalid_argument, "The input does not have as many elements as the network's input_shape()."};
    }
    if (output.size() != output_shape().elements()) {
      return {errc::invalid_argument, "The output does not have as many elements as the network's output_shape()."};
    }
    if (workspace.size() < workspace_bytes()) {
      return {errc::invalid_argument, "The workspace is smaller than the network's workspace_bytes()."};
    }
    return {};
  }

  template <std::size_t I>
  StepOperands<T> operands(std::span<const T> input, std::span<T> output,
                           std::span<std::byte> workspace) const noexcept {
    constexpr net::step s = program_.steps[I];
    T* const results = reinterpret_cast<T*>(detail::workspace_piece(workspace, 0, activation_bytes()));
    const auto at = [&](net::layer_number result) -> const T* {
      if (result == net::no_layer) return nullptr;
      if (result == 0) return input.data();
      return result == Net.output ? output.data() : results + memory_.offset[result];
    };
    StepOperands<T> made{};
    for (std::size_t i = 0; i < s.input_count; ++i) made.inputs[i] = at(s.inputs[i]);
    made.residual = at(s.residual);
    if constexpr (s.residual != net::no_layer) made.residual += memory_.margins[s.residual].front;
    made.output = s.result == Net.output ? output.data() : results + memory_.offset[s.result];
    made.workspace = workspace.subspan(workspace.size() - workspace_bytes_);
    return made;
  }

  buffer<std::byte> owned_;  // saved weights that the steps refer to; empty where they are somebody else's
  steps_tuple steps_;
  std::size_t workspace_bytes_ = 0;
};

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_NET_RUNNER_INL_H_
