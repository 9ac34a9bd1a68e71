#include "recurrent_race.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "machine.hpp"

namespace bench {
namespace {

constexpr double to_double(std::size_t n) { return static_cast<double>(n); }

// A cell's weights, small enough that its functions are not all saturated.
bcr::buffer<float> cell_floats(std::size_t size, std::uint32_t seed) {
  bcr::buffer<float> made = random_floats(size, seed);
  for (float& x : made) x *= 0.1F;
  return made;
}

// The largest difference between two cells' states; both have made as many steps.
double difference(const cell_contender& a, const cell_contender& b) {
  const std::vector<float> first = a.state(), second = b.state();
  double worst = 0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    const double off = std::abs(static_cast<double>(first[i]) - static_cast<double>(second[i]));
    if (!(off <= worst)) worst = off;
  }
  return worst;
}

}  // namespace

bool recurrent_race::wanted(const std::string& operation, const std::string& where, const pruned_case& what) const {
  return std::regex_search(operation + "_f32_" + bench::name(what.block) + "/" + where, settings_.filter);
}

template <class Contender>
recurrent_race::racer recurrent_race::enter(std::shared_ptr<Contender> who) const {
  racer made{.name = who->name(), .owner = who, .times = {}};
  made.times.call = [contender = who.get()] { contender->run(); };
  warm_up(made.times, settings_.how);
  return made;
}

void recurrent_race::enter_stream(lane& l) const {
  const auto data = std::make_shared<bcr::buffer<float>>(random_floats(l.size.all / sizeof(float), 7));
  l.stream = {.name = "stream", .owner = data, .times = {}};
  l.stream.times.call = [data = data->data(), bytes = l.size.all] { read_stream(data, bytes); };
  warm_up(l.stream.times, settings_.how);
}

bool recurrent_race::refuse(const lane& l, const std::string& why) {
  rows_.push_back({.name = "refused/" + l.where, .error = why});
  std::fprintf(stderr, "%s: %s\n", l.where.c_str(), why.c_str());
  return false;
}

bool recurrent_race::enter_gemv(lane& l, problem given, const block_mask& mask) {
  std::shared_ptr<gemv_subject> own = make_gemv_subject(mask, settings_.weights);
  if (own == nullptr) return refuse(l, "The benchmark has no such block.");
  if (const std::string trouble = own->prepare(given); !trouble.empty()) return refuse(l, trouble);
  std::vector<float> y(given.m);
  own->run();
  own->read(y.data());
  // Eight bits are as near as they can be, and no nearer; the tests know how near that is.
  const bool coarse = settings_.weights == bcr::value_type::i8;
  if (!coarse && !(reference(given).error(y.data()) <= 1)) return refuse(l, "The result is wrong.");
  l.size = own->size();
  l.subject = enter(own);
  enter_stream(l);
  if (narrow()) {
    std::shared_ptr<gemv_subject> wide = make_gemv_subject(mask, bcr::value_type::f32);
    if (wide->prepare(given).empty()) l.f32 = enter(wide);
  }
  if (given.threads == 1) return true;
  given.threads = 1;
  std::shared_ptr<gemv_subject> alone = make_gemv_subject(mask, settings_.weights);
  if (alone->prepare(given).empty()) l.alone = enter(alone);
  return true;
}

bool recurrent_race::run(const gemv_shape& shape) {
  const bcr::buffer<float> weights = random_floats(shape.m * shape.k, 1), x = random_floats(shape.k, 2);
  // What outlives the contenders.
  std::vector<std::unique_ptr<block_mask>> masks;
  std::vector<bcr::buffer<float>> pruned;
  std::vector<lane> lanes;
  bool all_right = true;
  for (const pruned_case& what : recurrent_prunings(settings_.quick)) {
    lane l(bench::name(shape) + "/" + bench::name(what), what);
    if (!wanted("gemv", l.where, what)) continue;
    masks.push_back(std::make_unique<block_mask>(shape.m, shape.k, what.block, what.how, what.density, 3));
    pruned.push_back(masks.back()->apply(weights));
    round_to(settings_.weights, pruned.back());
    if (enter_gemv(l, {shape.m, shape.k, 1, pruned.back().data(), x.data(), settings_.how.threads}, *masks.back())) {
      lanes.push_back(std::move(l));
    } else {
      all_right = false;
    }
  }
  if (lanes.empty()) return all_right;

  const problem dense{shape.m, shape.k, 1, weights.data(), x.data(), settings_.how.threads};
  std::vector<racer> peers_here;
  for (const peer& candidate : peers()) {
    if (candidate.sparse || candidate.make == nullptr) continue;
    std::shared_ptr<contender> who = candidate.make();
    if (who->prepare(dense).empty()) peers_here.push_back(enter(who));
  }
  race(lanes, peers_here, peers_here.size());
  return all_right;
}

bool recurrent_race::enter_cell(lane& l, cell_problem given, const block_mask& input, const block_mask& recurrent) {
  std::shared_ptr<cell_subject> own = make_cell_subject(given, input, recurrent, settings_.weights);
  if (own == nullptr) return refuse(l, "The library refuses the cell, or the benchmark has no such block.");
  // The dense peer on the same weights, zeros and all, says whether the step is right.
  if (const auto judge = make_onednn_cell == nullptr ? nullptr : make_onednn_cell(given); judge != nullptr) {
    for (int step = 0; step < 2; ++step) own->run(), judge->run();
    const double most = settings_.weights == bcr::value_type::i8 ? 0.05 : 1e-4;
    if (!(difference(*own, *judge) <= most)) return refuse(l, "The result is wrong.");
  }
  l.size = own->size();
  l.subject = enter(own);
  enter_stream(l);
  if (narrow()) {
    l.f32 = enter(std::shared_ptr<cell_subject>(make_cell_subject(given, input, recurrent, bcr::value_type::f32)));
  }
  if (given.threads == 1) return true;
  given.threads = 1;
  l.alone = enter(std::shared_ptr<cell_subject>(make_cell_subject(given, input, recurrent, settings_.weights)));
  return true;
}

bool recurrent_race::run(const cell_size& size) {
  const std::size_t rows = bcr::gates_of(size.kind) * size.hidden;
  const bcr::buffer<float> input = cell_floats(rows * size.inputs, 1), recurrent = cell_floats(rows * size.hidden, 2),
                           bias = cell_floats(rows, 3), x = random_floats(cell_batches[1] * size.inputs, 4);
  std::vector<bcr::buffer<float>> pruned;  // outlive the contenders
  std::vector<lane> lanes;
  std::vector<racer> dense;
  bool all_right = true;
  for (const std::size_t batch : cell_batches) {
    const cell_problem unpruned{size.kind,   size.inputs, size.hidden,          batch, input.data(), recurrent.data(),
                                bias.data(), x.data(),    settings_.how.threads};
    for (const pruned_case& what : recurrent_prunings(settings_.quick)) {
      lane l(bench::name(size) + "/B" + std::to_string(batch) + "/" + bench::name(what), what, batch);
      if (!wanted(size.kind == bcr::cell_kind::lstm ? "lstm" : "gru", l.where, what)) continue;
      const block_mask input_mask(rows, size.inputs, what.block, what.how, what.density, 5);
      const block_mask recurrent_mask(rows, size.hidden, what.block, what.how, what.density, 6);
      cell_problem given = unpruned;
      pruned.push_back(input_mask.apply(input));
      round_to(settings_.weights, pruned.back());
      given.input_weights = pruned.back().data();
      pruned.push_back(recurrent_mask.apply(recurrent));
      round_to(settings_.weights, pruned.back());
      given.recurrent_weights = pruned.back().data();
      if (enter_cell(l, given, input_mask, recurrent_mask)) {
        lanes.push_back(std::move(l));
      } else {
        all_right = false;
      }
    }
    if (make_onednn_cell == nullptr) continue;
    if (std::shared_ptr<cell_contender> who = make_onednn_cell(unpruned); who != nullptr) dense.push_back(enter(who));
  }
  if (!lanes.empty()) race(lanes, dense, 1);
  return all_right;
}

// `dense` has so many peers for each batch, one batch after the other.
void recurrent_race::race(std::vector<lane>& lanes, std::vector<racer>& dense, std::size_t dense_a_batch) {
  std::vector<entrant*> all;
  for (racer& r : dense) all.push_back(&r.times);
  for (lane& l : lanes) {
    all.push_back(&l.subject.times);
    all.push_back(&l.stream.times);
    if (l.alone.owner != nullptr) all.push_back(&l.alone.times);
    if (l.f32.owner != nullptr) all.push_back(&l.f32.times);
  }
  measure(all, settings_.how.rounds, settings_.how);

  const auto faster = [](const racer& a, const racer& b) { return seconds(a.times).median < seconds(b.times).median; };
  for (std::size_t i = 0; i < dense.size(); ++i) {
    const std::string& where = lanes[0].where;
    report_dense(dense[i], where.substr(0, where.find('/', where.find('/') + 1)), cell_batches[i / dense_a_batch]);
  }
  for (const lane& l : lanes) {
    const std::size_t first = l.batch == cell_batches[0] ? 0 : dense_a_batch;
    if (first + dense_a_batch > dense.size() || dense_a_batch == 0) {
      report(l, nullptr);
      continue;
    }
    const auto begin = dense.begin() + static_cast<std::ptrdiff_t>(first);
    report(l, &*std::min_element(begin, begin + static_cast<std::ptrdiff_t>(dense_a_batch), faster));
  }
}

void recurrent_race::report_dense(const racer& r, const std::string& where, std::size_t batch) {
  const statistic time = seconds(r.times);
  rows_.push_back({.name = r.name + "_f32/" + where + "/B" + std::to_string(batch) + "/dense/1x",
                   .seconds = time.median,
                   .counters = {{"batch", to_double(batch)}, {"spread", time.spread()}}});
}

void recurrent_race::report(const lane& l, const racer* dense) {
  const entrant& own = l.subject.times;
  const entrant& stream = l.stream.times;
  const statistic time = seconds(own);
  row made{.name = l.subject.name + "/" + l.where, .seconds = time.median};
  made.counters = {{"batch", to_double(l.batch)},
                   {"density", l.what.density},
                   {"rows_kept", rows_kept(l.what.how)},
                   {"gbps", 1e-9 * to_double(l.size.all) / time.median},
                   {"stream_gbps", 1e-9 * to_double(l.size.all) / seconds(stream).median},
                   {"index_bytes_fraction", to_double(l.size.all - l.size.weights) / to_double(l.size.weights)},
                   {"spread", time.spread()},
                   {"disturbed", disturbed(own)}};
  made.label = l.subject.name;
  // The plain read is one core's.
  if (l.alone.owner == nullptr) {
    made.counters.emplace_back("bandwidth_fraction", speedup(own, stream).median);
  } else {
    made.counters.emplace_back("speedup_threads", speedup(own, l.alone.times).median);
  }
  if (l.f32.owner != nullptr) made.counters.emplace_back("speedup_f32", speedup(own, l.f32.times).median);
  if (dense != nullptr) {
    made.counters.emplace_back("speedup_dense", speedup(own, dense->times).median);
    made.counters.emplace_back("dense_us", 1e6 * seconds(dense->times).median);
    made.label += " dense:" + dense->name;
  }
  rows_.push_back(std::move(made));
}

}  // namespace bench
