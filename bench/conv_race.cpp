#include "conv_race.hpp"

#include <algorithm>
#include <cstdio>

#include "machine.hpp"

namespace bench {
namespace {

constexpr double to_double(std::size_t n) { return static_cast<double>(n); }

std::vector<pruned_case> prunings(bool quick) {
  std::vector<pruned_case> made;
  for (const double rate : {10., 4.}) {
    if (quick && rate != 10) continue;
    made.push_back({{8, 16}, pruning::columns, 1 / rate});
    made.push_back({{16, 64}, pruning::half, 1 / rate});
  }
  return made;
}

}  // namespace

std::string name(const shapes::conv& s) {
  char text[96];
  std::snprintf(text, sizeof text, "C%zu/M%zu/S%zu/K%zu/s%zu", s.channels, s.outputs, s.size, s.kernel, s.stride);
  return text;
}

// Prepares a contender, checks what it computes and finds out how often it runs in a sample. Empty if all went well.
std::string conv_race::enter(racer& r, std::unique_ptr<conv_contender> who, const conv_problem& p,
                             const reference& right) const {
  r.who = std::move(who);
  if (const std::string sentence = r.who->prepare(p); !sentence.empty()) return sentence;
  std::vector<float> output(p.product.m * p.product.n);
  r.who->run();
  r.who->read(output.data());
  // Winograd's algorithm is less exact: what is wrong is off by much more.
  const double margin = r.who->name() == "onednn_winograd" ? 1000 : 1;
  if (!(right.error(output.data()) <= margin)) return "The result is wrong.";
  r.times.call = [contender = r.who.get()] { contender->run(); };
  warm_up(r.times, settings_.how);
  return {};
}

bool conv_race::enter_lane(lane& l) {
  const std::string where = name(l.given.shape) + "/" + name(l.what);
  const reference right(l.given.product);
  l.subject.times.with_probe = true;
  std::string trouble = enter(l.subject, make_conv_subject(*l.mask, l.form), l.given, right);
  if (trouble.empty() && l.given.product.threads > 1) {
    conv_problem alone = l.given;
    alone.product.threads = 1;
    trouble = enter(l.alone, make_conv_subject(*l.mask, l.form), alone, right);
  }
  if (trouble.empty()) return true;
  rows_.push_back({.name = "conv2d_f32_" + name(l.what.block) + "/" + where, .error = trouble});
  std::fprintf(stderr, "%s: %s\n", where.c_str(), trouble.c_str());
  return false;
}

std::vector<conv_race::racer> conv_race::enter_peers(const conv_problem& p, bool sparse) {
  std::vector<racer> entered;
  const reference right(p.product);
  for (const conv_peer& candidate : conv_peers()) {
    if (candidate.sparse != sparse) continue;
    racer r;
    const std::string trouble =
        candidate.make == nullptr ? "The library was not found." : enter(r, candidate.make(), p, right);
    if (trouble.empty()) {
      entered.push_back(std::move(r));
    } else {
      rows_.push_back({.name = std::string(candidate.name) + "_f32/" + name(p.shape), .error = trouble});
    }
  }
  return entered;
}

bool conv_race::run(const shapes::conv& shape) {
  std::vector<std::pair<pruned_case, image_form>> cases;
  for (const pruned_case& what : prunings(settings_.quick)) {
    for (const image_form form : {image_form::nchw, image_form::margins, image_form::nhwc}) {
      // Others read nothing of margins, or have no copy to save.
      if (form == image_form::margins && (shape.stride != 1 || shape.kernel == 1)) continue;
      const std::string full = std::string(name(form)) + "_" + name(what.block) + "/" + name(shape) + "/" + name(what);
      if (std::regex_search(full, settings_.filter)) cases.emplace_back(what, form);
    }
  }
  if (cases.empty()) return true;
  const bcr::buffer<float> image = random_floats(shape.channels * shape.size * shape.size, 2);
  const std::size_t k = shape.channels * shape.kernel * shape.kernel;
  const bcr::buffer<float> weights = random_floats(shape.outputs * k, 1), columns = im2col(shape, image.data());
  const int threads = settings_.how.threads;

  bool all_right = true;
  std::vector<std::unique_ptr<lane>> lanes;
  for (const auto& [what, form] : cases) {
    auto l = std::make_unique<lane>(lane{what, form, nullptr, {}, {}, {}, {}, {}});
    l->mask = std::make_unique<block_mask>(shape.outputs, k, what.block, what.how, what.density, 3U);
    l->weights = l->mask->apply(weights);
    l->given = {shape, image.data(), product_of(shape, l->weights.data(), columns, threads)};
    if (enter_lane(*l)) {
      if (shape.kernel == 1 && shape.stride == 1) l->sparse = enter_peers(l->given, true);
      lanes.push_back(std::move(l));
    } else {
      all_right = false;
    }
  }
  std::vector<racer> dense =
      enter_peers({shape, image.data(), product_of(shape, weights.data(), columns, threads)}, false);
  std::vector<entrant*> all;
  for (racer& r : dense) all.push_back(&r.times);
  for (const auto& l : lanes) {
    all.push_back(&l->subject.times);
    if (l->alone.who != nullptr) all.push_back(&l->alone.times);
    for (racer& r : l->sparse) all.push_back(&r.times);
  }
  measure(all, settings_.how.rounds, settings_.how);
  for (const racer& r : dense) {
    const statistic time = seconds(r.times);
    rows_.push_back({.name = r.who->name() + "_f32/" + name(shape),
                     .seconds = time.median,
                     .counters = {{"spread", time.spread()}}});
  }
  for (const auto& l : lanes) report(*l, dense);
  return all_right;
}

void conv_race::report(const lane& l, const std::vector<racer>& dense) {
  const entrant& own = l.subject.times;
  const double multiply_adds = l.given.product.multiply_adds;
  const statistic time = seconds(own);
  const statistic peak = over_rounds({&own}, [&](std::size_t round) { return own.samples[round].peak; });
  const statistic fraction = over_rounds({&own}, [&](std::size_t round) {
    return 2 * multiply_adds / own.samples[round].seconds / own.samples[round].peak;
  });
  row made{.name = l.subject.who->name() + "/" + name(l.given.shape) + "/" + name(l.what), .seconds = time.median};
  made.counters = {{"density", l.what.density},
                   {"rows_kept", rows_kept(l.what.how)},
                   {"kernel", to_double(l.given.shape.kernel)},
                   {"size", to_double(output_size(l.given.shape))},
                   {"nhwc", l.form == image_form::nhwc ? 1. : 0.},
                   {"margins", l.form == image_form::margins ? 1. : 0.},
                   {"threads", settings_.how.threads},
                   {"peak_fraction", fraction.median},
                   {"peak_gflops", 1e-9 * peak.median},
                   {"gflops", 2e-9 * multiply_adds / time.median},
                   {"spread", time.spread()},
                   {"disturbed", disturbed(own)}};
  made.label = l.subject.who->name();
  const racer* best = nullptr;
  for (const racer& r : dense) {
    made.counters.emplace_back("speedup_" + r.who->name(), speedup(own, r.times).median);
    if (best == nullptr || seconds(r.times).median < seconds(best->times).median) best = &r;
  }
  for (const racer& r : l.sparse) {
    made.counters.emplace_back("speedup_" + r.who->name(), speedup(own, r.times).median);
  }
  if (best != nullptr) {
    made.counters.emplace_back("speedup_dense", speedup(own, best->times).median);
    made.counters.emplace_back("dense_us", 1e6 * seconds(best->times).median);
    made.label += " dense:" + best->who->name();
  }
  if (l.alone.who != nullptr) made.counters.emplace_back("speedup_threads", speedup(own, l.alone.times).median);
  rows_.push_back(std::move(made));
}

}  // namespace bench
