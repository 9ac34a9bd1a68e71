// One shape of the GEMM benchmark: the library on pruned weights against dense peers on all weights and sparse peers on
// the same pruned ones, all in the same rounds.
#pragma once

#include <memory>
#include <regex>
#include <vector>

#include "gemm_cases.hpp"
#include "gemm_subject.hpp"
#include "measure.hpp"
#include "results.hpp"

namespace bench {

struct race_settings {
  options how = {};
  bool quick = false;
  // If it is not f32, the library alone is measured: with such weights, and with the same numbers in f32.
  bcr::value_type weights = bcr::value_type::f32;
  bool bf16_input = false;  // with weights in bf16: the input as well
  bool dispatch = false;    // the library alone is measured: its kernels found at run time, and the static ones
  int tasks = 1;            // a thread, that the library's plans prepare for
  std::regex filter = std::regex("");  // of cases, by names like gemm_f32_b4x16/M512/K512/N196/columns/10x
};

class gemm_race {
 public:
  gemm_race(const shapes::gemm&, const race_settings&, std::vector<row>& rows);

  // Whether the filter leaves nothing of this shape.
  bool empty() const { return cases_.empty(); }
  // Races all densities of the shape. False if the library computed something wrong or refused a case.
  bool run();

 private:
  // A contender that has been prepared and found right, and its times.
  struct racer {
    std::unique_ptr<contender> who;
    entrant times = {};
    double median() const { return seconds(times).median; }
  };

  // A pruned matrix with those who multiply by it.
  struct lane {
    lane(const pruned_case&, const shapes::gemm&, const bcr::buffer<float>& dense, const bcr::buffer<float>& input,
         const race_settings&);

    pruned_case what;
    block_mask mask;
    bcr::buffer<float> weights;
    problem given;
    reference right;
    racer subject, subject_alone;  // with all threads, and with one if there are more
    racer plain;                   // on static kernels, and in f32 if the subject is on static ones itself
    std::size_t packed_bytes = 0, packed_bytes_plain = 0;
    std::vector<racer> sparse;
  };

  bool narrow() const { return settings_.weights != bcr::value_type::f32 && !settings_.dispatch; }
  // Whether the library is compared with itself.
  bool alone() const { return narrow() || settings_.dispatch; }
  std::string row_name(const std::string& contender, const pruned_case*) const;
  void run_density(const std::vector<pruned_case>&);
  std::unique_ptr<lane> make_lane(const pruned_case&);
  std::string enter(racer&, std::unique_ptr<contender>, const problem&, const reference&);
  std::vector<racer> enter_peers(bool sparse, const problem&, const reference&, const lane*);
  std::vector<racer> qualify(std::vector<racer> entered, const problem&, const lane*);
  void enter_sparse_peers(std::vector<std::unique_ptr<lane>>&);
  void report(const lane&, const racer* best_dense);
  void report_peer(const racer&, const problem&, const lane*);

  const shapes::gemm& shape_;
  const race_settings& settings_;
  std::vector<row>& rows_;
  std::vector<std::vector<pruned_case>> cases_;  // by density
  bcr::buffer<float> weights_, input_;
  std::vector<float> output_;
  std::vector<racer> dense_;  // those that qualified
  bool all_right_ = true;
};

}  // namespace bench
