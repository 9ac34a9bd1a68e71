// One layer of the convolution benchmark: the library on pruned weights against dense peers, all in the same rounds.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "conv_contender.hpp"
#include "conv_subject.hpp"
#include "gemm_race.hpp"

namespace bench {

class conv_race {
 public:
  conv_race(const race_settings& settings, std::vector<row>& rows) : settings_(settings), rows_(rows) {}

  // Races all prunings of the layer, or those that the filter leaves. False if the library computed something wrong or
  // refused a case.
  bool run(const shapes::conv&);

 private:
  struct racer {
    std::unique_ptr<conv_contender> who;
    entrant times = {};
  };
  // A pruned layer with the library's ways of computing it.
  struct lane {
    pruned_case what;
    image_form form;
    std::unique_ptr<block_mask> mask;
    bcr::buffer<float> weights;
    conv_problem given;
    racer subject, alone;       // with all threads, and with one if there are more
    std::vector<racer> sparse;  // peers on the same weights
  };

  std::string enter(racer&, std::unique_ptr<conv_contender>, const conv_problem&, const reference&) const;
  bool enter_lane(lane&);
  std::vector<racer> enter_peers(const conv_problem&, bool sparse);
  void report(const lane&, const std::vector<racer>& dense);

  const race_settings& settings_;
  std::vector<row>& rows_;
};

// "C64/M128/S56/K3/s2".
std::string name(const shapes::conv&);

}  // namespace bench
