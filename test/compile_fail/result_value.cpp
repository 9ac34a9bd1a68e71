// expect: bcr::result: the value must move without throwing
#include "bcr/core/status.hpp"

struct value {
  value();
#ifdef BCR_CORRECTED
  value(value&&) noexcept;
#else
  value(value&&);
#endif
};

bcr::result<value> made(bcr::errc::corrupt, "No value.");
