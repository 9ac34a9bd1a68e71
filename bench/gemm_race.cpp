#include "gemm_race.hpp"

#include <algorithm>
#include <cstdio>

#include "machine.hpp"

namespace bench {
namespace {

// Who takes more than this many times the best of the first rounds is not timed any further.
constexpr double qualifying_margin = 1.25;
constexpr int qualifying_rounds = 5;

constexpr double to_double(std::size_t n) { return static_cast<double>(n); }

problem make_problem(const shapes::gemm& shape, const bcr::buffer<float>& weights, const bcr::buffer<float>& input,
                     int threads) {
  const auto nonzeros = std::count_if(weights.begin(), weights.end(), [](float w) { return w != 0; });
  const double multiply_adds = static_cast<double>(nonzeros) * to_double(shape.n);
  return {shape.m, shape.k, shape.n, weights.data(), input.data(), threads, multiply_adds};
}

// Compulsory traffic: B and the packed weights are read once, C is written once.
double roof_seconds(const problem& p, std::size_t packed_bytes, double peak) {
  const std::size_t in = sizeof(float) * p.k * p.n + packed_bytes, out = sizeof(float) * p.m * p.n;
  return std::max({2 * p.multiply_adds / peak, to_double(in) / read_bandwidth(in + out),
                   to_double(out) / write_bandwidth(in + out)});
}

bcr::buffer<float> rounded(bcr::buffer<float> elements, bcr::value_type type) {
  round_to(type, elements);
  return elements;
}

}  // namespace

gemm_race::lane::lane(const pruned_case& c, const shapes::gemm& shape, const bcr::buffer<float>& dense,
                      const bcr::buffer<float>& input, const race_settings& settings)
    : what(c),
      mask(shape.m, shape.k, c.block, c.how, c.density, 3),
      weights(rounded(mask.apply(dense), settings.weights)),
      given(make_problem(shape, weights, input, settings.how.threads)),
      right(given) {}

gemm_race::gemm_race(const shapes::gemm& shape, const race_settings& settings, std::vector<row>& rows)
    : shape_(shape), settings_(settings), rows_(rows), cases_(cases_of(shape, settings.quick)) {
  for (auto& cases : cases_) {
    std::erase_if(cases,
                  [&](const pruned_case& c) { return !std::regex_search(row_name("gemm", &c), settings.filter); });
  }
  std::erase_if(cases_, [](const auto& cases) { return cases.empty(); });
}

bool gemm_race::run() {
  weights_ = random_floats(shape_.m * shape_.k, 1);
  input_ = random_floats(shape_.k * shape_.n, 2);
  if (settings_.bf16_input) round_to(bcr::value_type::bf16, input_);
  output_.resize(shape_.m * shape_.n);
  for (const auto& cases : cases_) run_density(cases);
  return all_right_;
}

// "csr_tiled_f32_b8x32/M512/K512/N196/columns/10x"; the library's kernels name type and block themselves.
std::string gemm_race::row_name(const std::string& contender, const pruned_case* what) const {
  std::string made = contender;
  if (made.find("_f32") == std::string::npos) {
    made += "_f32";
    if (what != nullptr) made.append("_").append(name(what->block));
  }
  made.append("/").append(name(shape_)).append("/");
  return made.append(what == nullptr ? "dense/1x" : name(*what));
}

// Prepares a contender and compares its product with the reference. The sentence that says what is wrong, or nothing.
std::string gemm_race::enter(racer& r, std::unique_ptr<contender> who, const problem& p, const reference& right) {
  r.who = std::move(who);
  const std::string refusal = r.who->prepare(p);
  if (!refusal.empty()) return refusal;
  r.who->run();
  r.who->run();  // a second run must not depend on the first
  r.who->read(output_.data());
  const double error = right.error(output_.data());
  if (!(error <= 1)) {
    char sentence[80];
    std::snprintf(sentence, sizeof sentence, "The result is wrong: %.3g times the tolerance.", error);
    return sentence;
  }
  r.times.call = [contender = r.who.get()] { contender->run(); };
  warm_up(r.times, settings_.how);
  return {};
}

std::unique_ptr<gemm_race::lane> gemm_race::make_lane(const pruned_case& what) {
  auto made = std::make_unique<lane>(what, shape_, weights_, input_, settings_);
  const auto enter_subject = [&](racer& r, int threads, std::unique_ptr<subject> own, std::size_t& packed_bytes) {
    const subject& packed = *own;
    r.times.with_probe = true;
    problem given = made->given;
    given.threads = threads;
    given.tasks = threads == 1 ? 1 : settings_.tasks;
    const std::string trouble = enter(r, std::move(own), given, made->right);
    if (trouble.empty()) {
      packed_bytes = packed.packed_bytes();
      return true;
    }
    rows_.push_back({.name = row_name("gemm", &what), .error = trouble});
    std::fprintf(stderr, "%s: %s\n", rows_.back().name.c_str(), trouble.c_str());
    all_right_ = false;
    return false;
  };
  const int threads = settings_.how.threads;
  const auto in = [&](bcr::value_type type) { return make_subject(made->mask, shape_.n, type); };
  const auto bf16 = [&](bool dispatch) {
    return dispatch ? make_dispatched_bf16_subject(made->mask, shape_.n) : make_bf16_subject(made->mask, shape_.n);
  };
  auto first = settings_.bf16_input ? bf16(settings_.dispatch)
               : settings_.dispatch ? make_dispatched_subject(made->mask, shape_.n)
                                    : in(settings_.weights);
  if (!enter_subject(made->subject, threads, std::move(first), made->packed_bytes)) return nullptr;
  if (alone()) {
    auto second = settings_.bf16_input && settings_.dispatch ? bf16(false) : in(bcr::value_type::f32);
    const bool entered = enter_subject(made->plain, threads, std::move(second), made->packed_bytes_plain);
    return entered ? std::move(made) : nullptr;
  }
  if (threads > 1 && !enter_subject(made->subject_alone, 1, in(settings_.weights), made->packed_bytes)) return nullptr;
  return made;
}

// All peers of a kind that can compute the problem; the others get a row that says why not.
std::vector<gemm_race::racer> gemm_race::enter_peers(bool sparse, const problem& p, const reference& right,
                                                     const lane* where) {
  std::vector<racer> entered;
  for (const peer& candidate : peers()) {
    if (candidate.sparse != sparse) continue;
    racer r;
    const std::string trouble =
        candidate.make == nullptr ? "The library was not found." : enter(r, candidate.make(), p, right);
    if (trouble.empty()) {
      entered.push_back(std::move(r));
    } else {
      rows_.push_back({.name = row_name(candidate.name, where == nullptr ? nullptr : &where->what), .error = trouble});
    }
  }
  return entered;
}

// Keeps those that come near the fastest; the others get their row now.
std::vector<gemm_race::racer> gemm_race::qualify(std::vector<racer> entered, const problem& p, const lane* where) {
  std::vector<entrant*> all;
  for (racer& r : entered) all.push_back(&r.times);
  measure(all, qualifying_rounds, settings_.how);
  double best = 0;
  for (const racer& r : entered) best = best == 0 ? r.median() : std::min(best, r.median());
  std::vector<racer> kept;
  for (racer& r : entered) {
    if (r.median() <= qualifying_margin * best) {
      kept.push_back(std::move(r));
    } else {
      report_peer(r, p, where);
    }
  }
  return kept;
}

// All sparse peers try the first matrix; those that come near the best of them also get the others of this density.
void gemm_race::enter_sparse_peers(std::vector<std::unique_ptr<lane>>& lanes) {
  std::vector<std::string> near_best;
  for (const auto& l : lanes) {
    if (l == lanes.front()) {
      l->sparse = qualify(enter_peers(true, l->given, l->right, l.get()), l->given, l.get());
      for (const racer& r : l->sparse) near_best.push_back(r.who->name());
      continue;
    }
    for (const peer& candidate : peers()) {
      if (std::find(near_best.begin(), near_best.end(), candidate.name) == near_best.end()) continue;
      racer r;
      if (enter(r, candidate.make(), l->given, l->right).empty()) l->sparse.push_back(std::move(r));
    }
  }
}

void gemm_race::run_density(const std::vector<pruned_case>& cases) {
  std::vector<std::unique_ptr<lane>> lanes;
  for (const pruned_case& what : cases) {
    if (auto made = make_lane(what)) lanes.push_back(std::move(made));
  }
  if (lanes.empty()) return;

  const problem dense = make_problem(shape_, weights_, input_, settings_.how.threads);
  const bool first = dense_.empty();
  if (first && !alone()) dense_ = qualify(enter_peers(false, dense, reference(dense), nullptr), dense, nullptr);
  if (!alone()) enter_sparse_peers(lanes);

  std::vector<entrant*> all;
  const auto join = [&](racer& r) {
    r.times.samples.clear();
    if (r.who != nullptr) all.push_back(&r.times);
  };
  for (racer& r : dense_) join(r);
  for (const auto& l : lanes) {
    join(l->subject);
    join(l->subject_alone);
    join(l->plain);
    for (racer& r : l->sparse) join(r);
  }
  measure(all, settings_.how.rounds, settings_.how);

  const auto faster = [](const racer& a, const racer& b) { return a.median() < b.median(); };
  if (first) {
    for (const racer& r : dense_) report_peer(r, dense, nullptr);
  }
  const auto best = std::min_element(dense_.begin(), dense_.end(), faster);
  for (const auto& l : lanes) {
    std::sort(l->sparse.begin(), l->sparse.end(), faster);
    report(*l, best == dense_.end() ? nullptr : &*best);
    for (const racer& r : l->sparse) report_peer(r, l->given, l.get());
  }
}

void gemm_race::report_peer(const racer& r, const problem& p, const lane* where) {
  const statistic time = seconds(r.times);
  rows_.push_back({.name = row_name(r.who->name(), where == nullptr ? nullptr : &where->what),
                   .seconds = time.median,
                   .counters = {{"m", to_double(p.m)},
                                {"n", to_double(p.n)},
                                {"k", to_double(p.k)},
                                {"density", p.multiply_adds / (to_double(p.m) * to_double(p.k) * to_double(p.n))},
                                {"gflops", 2e-9 * p.multiply_adds / time.median},
                                {"spread", time.spread()}}});
}

void gemm_race::report(const lane& l, const racer* best_dense) {
  const problem& p = l.given;
  const entrant& own = l.subject.times;
  const statistic time = seconds(own);
  const statistic peak = over_rounds({&own}, [&](std::size_t round) { return own.samples[round].peak; });
  const statistic peak_fraction = over_rounds({&own}, [&](std::size_t round) {
    return 2 * p.multiply_adds / own.samples[round].seconds / own.samples[round].peak;
  });

  row made{.name = row_name(l.subject.who->name(), &l.what), .seconds = time.median};
  made.counters = {{"m", to_double(p.m)},
                   {"n", to_double(p.n)},
                   {"k", to_double(p.k)},
                   {"density", p.multiply_adds / (to_double(p.m) * to_double(p.k) * to_double(p.n))},
                   {"rows_kept", rows_kept(l.what.how)},
                   {"block_rows", to_double(l.what.block.rows)},
                   {"block_columns", to_double(l.what.block.columns)},
                   {"threads", settings_.how.threads},
                   {"peak_fraction", peak_fraction.median},
                   {"peak_fraction_spread", peak_fraction.spread()},
                   {"gflops", 2e-9 * p.multiply_adds / time.median},
                   {"peak_gflops", 1e-9 * peak.median},
                   {"packed_bytes", to_double(l.packed_bytes)},
                   {"spread", time.spread()},
                   {"disturbed", disturbed(own)}};
  // The bandwidth is one core's.
  if (p.threads == 1) {
    made.counters.emplace_back("roof_fraction", roof_seconds(p, l.packed_bytes, peak.median) / time.median);
  }
  made.label = l.subject.who->name();
  const auto compare = [&](const char* kind, const racer& other) {
    made.counters.emplace_back(std::string("speedup_") + kind, speedup(own, other.times).median);
    made.counters.emplace_back(std::string(kind) + "_us", 1e6 * other.median());
    made.label += std::string(" ") + kind + ":" + other.who->name();
  };
  if (best_dense != nullptr) compare("dense", *best_dense);
  if (!l.sparse.empty()) compare("sparse", l.sparse.front());
  if (l.subject_alone.who != nullptr) {
    made.counters.emplace_back("speedup_threads", speedup(own, l.subject_alone.times).median);
  }
  if (l.plain.who != nullptr) {
    made.counters.emplace_back(narrow() ? "time_over_f32" : "time_over_static", speedup(l.plain.times, own).median);
  }
  if (narrow()) {
    made.counters.emplace_back("bytes_over_f32", to_double(l.packed_bytes) / to_double(l.packed_bytes_plain));
  }
  rows_.push_back(std::move(made));
}

}  // namespace bench
