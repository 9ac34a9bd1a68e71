// The benchmark of recurrent layers: of one shape all prunings, their dense peers, and a plain read of as many bytes as
// each pruned one has, all in the same rounds.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gemm_race.hpp"
#include "recurrent_cases.hpp"
#include "recurrent_subject.hpp"

namespace bench {

class recurrent_race {
 public:
  recurrent_race(const race_settings& settings, std::vector<row>& rows) : settings_(settings), rows_(rows) {}

  // Each races one shape. False if the library computed something wrong or refused a case; those the filter leaves out
  // are passed over.
  bool run(const gemv_shape&);
  bool run(const cell_size&);

 private:
  // One that is timed, with all that it needs.
  struct racer {
    std::string name;
    std::shared_ptr<void> owner;
    entrant times;
  };
  // A pruned one, and the stream that it is measured by.
  struct lane {
    lane(std::string at, const pruned_case& how, std::size_t items = 1)
        : where(std::move(at)), what(how), batch(items) {}

    std::string where;  // "M3072/K1024/columns/10x"
    pruned_case what;
    std::size_t batch;
    packed_size size;
    racer subject, stream;
    racer alone;  // the subject on one thread, if it has more
    racer f32;    // with weights in f32, if the subject has others
  };

  bool wanted(const std::string& operation, const std::string& where, const pruned_case&) const;
  template <class Contender>
  racer enter(std::shared_ptr<Contender>) const;
  void enter_stream(lane&) const;
  bool refuse(const lane&, const std::string& why);
  bool narrow() const { return settings_.weights != bcr::value_type::f32; }
  bool enter_gemv(lane&, problem, const block_mask&);
  bool enter_cell(lane&, cell_problem, const block_mask& input, const block_mask& recurrent);
  void race(std::vector<lane>&, std::vector<racer>& dense, std::size_t dense_a_batch);
  void report(const lane&, const racer* dense);
  void report_dense(const racer&, const std::string& where, std::size_t batch);

  const race_settings& settings_;
  std::vector<row>& rows_;
};

}  // namespace bench
