// The small types that everything else is written in.
#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <utility>

#include "bcr/core/block.hpp"
#include "bcr/core/buffer.hpp"
#include "bcr/core/matrix_view.hpp"
#include "bcr/core/status.hpp"
#include "bcr/core/version.hpp"

namespace {

TEST_CASE("block") {
  static_assert(bcr::block_shape<bcr::block<4, 16>>);
  static_assert(bcr::block_shape<bcr::block<128, 1024>>);
  static_assert(!bcr::block_shape<int>);
  static_assert(bcr::blocks_covering(0, 16) == 0);
  static_assert(bcr::blocks_covering(1, 16) == 1);
  static_assert(bcr::blocks_covering(16, 16) == 1);
  static_assert(bcr::blocks_covering(17, 16) == 2);
  static_assert(bcr::blocks_covering(std::numeric_limits<std::size_t>::max(), 2) != 0);  // no overflow on the way
}

TEST_CASE("status: success by default, code and sentence otherwise") {
  const bcr::status good;
  CHECK(good.ok());
  CHECK(static_cast<bool>(good));
  CHECK(good.message() == doctest::String("Success."));

  const bcr::status bad(bcr::errc::corrupt, "The checksum differs.");
  CHECK(!bad.ok());
  CHECK(bad.code() == bcr::errc::corrupt);
  CHECK(bad.message() == doctest::String("The checksum differs."));
}

// Counts its live instances, to see that result destroys exactly what it made.
struct counted {
  explicit counted(int v) noexcept : value(v) { ++alive; }
  counted(counted&& other) noexcept : value(std::exchange(other.value, -1)) { ++alive; }
  counted& operator=(counted&&) = delete;
  ~counted() { --alive; }
  int value;
  static inline int alive = 0;
};

TEST_CASE("result holds a value or says why not") {
  {
    bcr::result<counted> a(counted(7));
    REQUIRE(a.ok());
    CHECK(a->value == 7);
    CHECK(counted::alive == 1);

    bcr::result<counted> b(bcr::errc::unsupported, "Not that one.");
    CHECK(!b);
    CHECK(b.status().code() == bcr::errc::unsupported);
    CHECK(b.message() == doctest::String("Not that one."));

    b = std::move(a);  // value over failure
    REQUIRE(b.ok());
    CHECK((*b).value == 7);
    CHECK(b.status().ok());

    b = bcr::result<counted>(bcr::errc::corrupt, "Gone.");  // failure over value
    CHECK(!b.ok());

    const counted taken = *bcr::result<counted>(counted(9));
    CHECK(taken.value == 9);
  }
  CHECK(counted::alive == 0);
}

TEST_CASE("buffer is aligned, zeroed, movable, and says when there is no memory") {
  for (std::size_t size : {1, 3, 64, 1000}) {
    bcr::result<bcr::buffer<float>> made = bcr::buffer<float>::allocate(size);
    REQUIRE(made.ok());
    CHECK(made->size() == size);
    CHECK(reinterpret_cast<std::uintptr_t>(made->data()) % bcr::buffer_alignment == 0);
    bool zero = true;
    for (float x : *made) zero &= x == 0.0f;
    CHECK(zero);
  }

  bcr::buffer<int> a = std::move(*bcr::buffer<int>::allocate(4));
  a[2] = 5;
  bcr::buffer<int> b = std::move(a);
  CHECK(b.size() == 4);
  CHECK(b[2] == 5);
  bcr::buffer<int> c;
  c = std::move(b);
  CHECK(c[2] == 5);

  CHECK(bcr::buffer<int>::allocate(0)->data() == nullptr);
  for (std::size_t huge : {std::numeric_limits<std::size_t>::max(), std::size_t{1} << 60}) {
    const bcr::result<bcr::buffer<int>> none = bcr::buffer<int>::allocate(huge);
    CHECK(none.status().code() == bcr::errc::out_of_memory);
    CHECK(none.message() == doctest::String("There is not enough memory for the array."));
  }
}

TEST_CASE("matrix_view") {
  int data[6] = {0, 1, 2, 3, 4, 5};
  const bcr::matrix_view<int> whole(data, 2, 3);
  CHECK(whole(1, 2) == 5);
  const bcr::matrix_view<const int> part(bcr::matrix_view<int>(data, 2, 2, 3));
  CHECK(part(1, 0) == 3);
  CHECK(part.row(1) == data + 3);

  CHECK(whole.valid());
  CHECK(!bcr::matrix_view<int>(data, 2, 3, 2).valid());  // rows would overlap
  CHECK(!bcr::matrix_view<int>(nullptr, 2, 3).valid());
  CHECK(bcr::matrix_view<int>(nullptr, 0, 3).valid());
  CHECK(bcr::matrix_view<int>(nullptr, 2, 0).empty());
}

TEST_CASE("version") {
  static_assert(bcr::version_major == BCR_VERSION_MAJOR);
  static_assert(bcr::version_minor == BCR_VERSION_MINOR);
  static_assert(bcr::version_patch == BCR_VERSION_PATCH);
}

}  // namespace
