// A network's weights in one buffer: what is packed and opened computes the same bits, and what is not whole, not this
// network's, or meant to do harm is refused with a sentence, without a look outside.
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bcr/net.hpp"
#include "net/reference.hpp"
#include "support/guarded.hpp"
#include "support/kernels_once.hpp"
#include "support/tampered.hpp"

namespace {

using namespace bcr::net;
using bcr::errc;
using bcr::network_section;
using bcr::test::guard_side;
using bcr::test::guarded_array;
using bcr::test::tampered;
using bytes = bcr::buffer<std::byte>;

// A layer of each form, few weights.
constexpr bcr::net::network<16> network_of(const char* name, std::size_t outputs, std::size_t batch = 1,
                                           const char* conv = "conv") {
  builder<16> net(name);
  const auto x = net.input({.batch = batch, .channels = 2, .height = 5, .width = 6});
  const auto a = x.conv(conv, {.outputs = 4, .window = square(3, 1, 1), .bias = true}).batch_norm("bn");
  const auto b = a.conv("depthwise", {.outputs = 4, .window = square(3, 1, 1), .groups = 4});
  const auto c = b.conv("pruned", {.outputs = 4, .window = square(3, 1, 1), .weights = pruned(4, 16)});
  const auto d = c.conv("pointwise", {.outputs = 3, .window = square(1)});
  return net.finish(d.global_average("mean").linear("fc", {.outputs = outputs}));
}
constexpr auto small = network_of("small", 2);
using runner = network_runner<small>;

bytes packed_of_small() {
  auto made = bcr::net::pack<small>(bcr::test::parameters(small, 1));
  REQUIRE(made.message() == std::string("Success."));
  return std::move(*made);
}

std::vector<float> run(const runner& r) {
  const auto input = bcr::test::random_elements<float>(small.input_shape().elements(), 2);
  std::vector<float> output(small.output_shape().elements());
  std::vector<std::byte> workspace(r.workspace_bytes());
  REQUIRE(r.run(input, output, workspace).ok());
  return output;
}

void refused(const bcr::status& found, bcr::errc code, const char* sentence) {
  CHECK(found.message() == doctest::String(sentence));
  CHECK(found.code() == code);
}

TEST_CASE("a network's weights in one buffer: the same bits, owned, viewed or adopted") {
  static_assert(form_of(small, steps_of(small).steps[0]) == bcr::weights_form::dense);
  static_assert(form_of(small, steps_of(small).steps[1]) == bcr::weights_form::dense);
  static_assert(form_of(small, steps_of(small).steps[2]) == bcr::weights_form::panels);
  static_assert(form_of(small, steps_of(small).steps[3]) == bcr::weights_form::panels);
  static_assert(form_of(small, steps_of(small).steps[5]) == bcr::weights_form::bands);
  const auto made = runner::create(bcr::test::parameters(small, 1));
  REQUIRE(made.ok());
  const std::vector<float> expected = run(*made);
  const bytes packed = packed_of_small();
  CHECK(packed.size() % 64 == 0);
  CHECK(packed.size() == packed_of_small().size());
  CHECK(std::memcmp(packed.data(), packed_of_small().data(), packed.size()) == 0);

  std::vector<std::byte> misaligned(packed.size() + 65);
  std::byte* const at = misaligned.data() + (reinterpret_cast<std::uintptr_t>(misaligned.data()) % 64 == 1 ? 2 : 1);
  std::memcpy(at, packed.data(), packed.size());
  auto opened = runner::open({at, packed.size()});
  REQUIRE(opened.message() == std::string("Success."));
  misaligned.assign(misaligned.size(), std::byte{0xff});  // there is a copy
  const auto viewed = runner::view(packed);
  auto adopted = runner::adopt(packed_of_small());
  REQUIRE((viewed.ok() && adopted.ok()));
  const runner moved = std::move(*opened);
  guarded_array<std::byte> mapped(packed.size(), 0, guard_side::after);  // what runs reads nothing behind the bytes
  std::memcpy(mapped.data(), packed.data(), packed.size());
  const auto at_the_end = runner::view({mapped.data(), mapped.size()});
  REQUIRE(at_the_end.ok());
  const runner* const all[] = {&moved, &*viewed, &*adopted, &*at_the_end};
  for (const runner* r : all) {
    const std::vector<float> found = run(*r);
    CHECK(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)) == 0);
  }
}

TEST_CASE("a network's weights: what the buffer says") {
  const bytes packed = packed_of_small();
  const auto blob = bcr::blob_view::open(packed);
  REQUIRE(blob.ok());
  const auto saved = bcr::saved_network::open(*blob);
  REQUIRE(saved.ok());
  CHECK(saved->name() == "small");
  CHECK(saved->description() == description_of(small));
  REQUIRE(saved->layers().size() == 5);
  const char* const names[] = {"conv", "depthwise", "pruned", "pointwise", "fc"};
  for (std::size_t i = 0; i < 5; ++i) CHECK(saved->layer_name(i) == names[i]);
  CHECK(saved->layers()[0].rows == 4);
  CHECK(saved->layers()[0].columns == 18);
  CHECK(saved->dense<float>(0).size() == 72);
  CHECK(saved->bias<float>(0).size() == 4);
  CHECK(bcr::packed_weights<float, bcr::block<4, 16>>::view(saved->packed(2)).ok());
}

TEST_CASE("a network's weights: whose they are") {
  constexpr auto number = description_of(small);
  static_assert(number == description_of(network_of("small", 2, 3)));  // the batch is none of the weights' business
  static_assert(number != description_of(network_of("other", 2)));
  static_assert(number != description_of(network_of("small", 3)));
  static_assert(number != description_of(network_of("small", 2, 1, "conv1")));
  static constexpr auto other = network_of("small", 3);
  const auto wrong = bcr::net::pack<other>(bcr::test::parameters(other, 1));
  REQUIRE(wrong.ok());
  refused(runner::view(*wrong).status(), errc::foreign,
          "The packed weights are those of another network, or of another description of it.");

  const auto single = bcr::test::victim({});
  refused(runner::view(single.bytes()).status(), errc::foreign,
          "The packed weights are those of a single matrix, not of a network.");
  const bytes packed = packed_of_small();
  refused(bcr::packed_weights<float, bcr::block<1, 1>>::view(packed).status(), errc::foreign,
          "The weights were packed in another layout.");
  tampered t(packed);
  t.set({offsetof(bcr::blob_header, kind) + 8, 4}, static_cast<std::uint64_t>(bcr::value_type::i8));
  refused(runner::view(t.sealed()).status(), errc::foreign,
          "The packed weights of the network are of a type that no network has.");
  // All are half as long as they would have to be.
  t.set({offsetof(bcr::blob_header, kind) + 8, 4}, static_cast<std::uint64_t>(bcr::value_type::f64));
  refused(open_saved<double>(small, steps_of(small), description_of(small), t.sealed()).status(), errc::corrupt,
          "The packed weights of the network are damaged: its table of layers contradicts itself.");
}

// Opens bytes where a read outside is a crash: at the end of a page, and at the beginning of one.
class guarded {
 public:
  explicit guarded(std::size_t most)
      : in_front_(most, 0, guard_side::before), at_end_(most + 63, 0, guard_side::after) {}
  bcr::status view(std::span<const std::byte> what) {
    std::byte* const front = in_front_.data();
    std::byte* const end = at_end_.data() + at_end_.size() - what.size();
    if (!what.empty()) std::memcpy(front, what.data(), what.size()), std::memcpy(end, what.data(), what.size());
    const bcr::status first = runner::view({front, what.size()}).status();
    // Where the end of a page is not the end of a line there is a copy, as long as the bytes.
    const bcr::status second = what.size() % 64 == 0 ? runner::view({end, what.size()}).status() : first;
    CHECK(first.message() == second.message());
    return first;
  }

 private:
  guarded_array<std::byte> in_front_, at_end_;
};

TEST_CASE("a network's weights: every byte counts, and every length but one is refused") {
  bytes packed = packed_of_small();
  guarded at(packed.size() + 64);
  CHECK(at.view(packed).ok());
  for (std::byte& b : packed) {
    for (const int change : {1, 0x80, 0xff}) {
      b ^= static_cast<std::byte>(change);
      const bcr::status found = at.view(packed);
      CHECK(!found.ok());
      CHECK(std::strlen(found.message()) > 20);
      b ^= static_cast<std::byte>(change);
    }
  }
  for (std::size_t size = 0; size < packed.size(); ++size) {
    CHECK(at.view(std::span<const std::byte>(packed).first(size)).code() == bcr::errc::truncated);
  }
  std::vector<std::byte> longer(packed.begin(), packed.end());
  longer.resize(packed.size() + 64);
  refused(at.view(longer), errc::corrupt, "Bytes follow the end of the packed weights.");
}

TEST_CASE("a network's weights: fields that were changed under a checksum that is right") {
  const bytes packed = packed_of_small();
  tampered t(packed);
  std::vector<tampered::field> fields = t.frame();
  const auto add = [&](network_section id, std::initializer_list<std::size_t> widths) {
    const bcr::blob_section& s = t.entry(id);
    for (auto at = static_cast<std::size_t>(s.offset); at < s.offset + s.bytes;) {
      for (const std::size_t width : widths) fields.push_back({at, width}), at += width;
    }
  };
  add(network_section::id, {8, 8});
  add(network_section::layers, {4, 4, 4, 4, 8, 8});
  add(network_section::names, {1});
  for (const tampered::field& f : t.padding()) fields.push_back(f);
  for (const std::uint32_t layer : {2u, 3u, 4u}) {  // the packed weights' own headers, whose checksums are not right
    for (std::size_t at = 0; at < sizeof(bcr::blob_header); at += 4) {
      fields.push_back({static_cast<std::size_t>(t.entry(bcr::weights_section(layer)).offset) + at, 4});
    }
  }
  guarded at(packed.size());
  std::size_t accepted = 0, tried = 0;
  bcr::test::for_each_tampering(t, fields, [&](tampered& changed) {
    accepted += at.view(changed.sealed()).ok() ? 1 : 0;
    ++tried;
  });
  CHECK(accepted == 0);
  CHECK(tried > 5000);
}

TEST_CASE("a network's weights: each sentence about a damaged table, and the layer that is to blame") {
  const bytes packed = packed_of_small();
  const auto says = [&](const char* sentence, const auto& change, const char* layer = nullptr) {
    tampered t(packed);
    change(t);
    const char* failed = nullptr;
    const bcr::status found = runner::view(t.sealed(), {.failed_layer = &failed}).status();
    refused(found, std::string_view(sentence).starts_with("The buffer") ? errc::foreign : errc::corrupt, sentence);
    CHECK(std::string_view(failed == nullptr ? "" : failed) == (layer == nullptr ? "" : layer));
  };
  constexpr const char* contradiction =
      "The packed weights of the network are damaged: its table of layers contradicts itself.";
  constexpr const char* other = "The packed weights of the network are damaged: its table has other layers than it.";
  const auto layers = [](tampered& t) { return t.section<bcr::saved_layer>(network_section::layers); };
  says(contradiction, [&](tampered& t) { layers(t)[4].name_bytes = 200; });
  says(contradiction, [&](tampered& t) { layers(t)[4].name_begin += 1; });
  says(contradiction, [&](tampered& t) { layers(t)[0].columns = 17; });  // dense: the section is longer
  says(contradiction, [&](tampered& t) { layers(t)[1].rows = ~std::uint64_t{0}; });
  says(contradiction, [&](tampered& t) { layers(t)[1].form = static_cast<bcr::weights_form>(4); });
  says(contradiction, [&](tampered& t) { layers(t)[1].number = 1; });
  says(contradiction, [&](tampered& t) { t.entry(bcr::bias_section(4)).id = 99; });
  says(other, [&](tampered& t) { layers(t)[2].columns += 1; });
  says(other, [&](tampered& t) { layers(t)[2].form = bcr::weights_form::bands; });
  says(other, [&](tampered& t) { layers(t)[4].number += 1; });
  says(other, [&](tampered& t) { t.section<char>(network_section::names)[6] = 'x'; });
  says("A section of the packed weights is missing.", [&](tampered& t) { t.entry(network_section::id).id = 0; });
  says("A section of the packed weights has the wrong number of elements.",
       [&](tampered& t) { t.entry(network_section::id).bytes = 32; });
  // A layer that is packed has something.
  constexpr bcr::blob_extent extents[] = {{1, 16}, {2, 32}, {3, 0}, {16, 0}, {17, 12}};
  auto empty = bcr::blob_writer::create(bcr::network_blob_kind<float>, {}, extents);
  REQUIRE(empty.ok());
  empty->section<bcr::saved_layer>(2)[0] = {1, bcr::weights_form::panels, 0, 0, 3, 5};
  const bytes nothing_packed = std::move(*empty).finish();
  refused(bcr::saved_network::open(*bcr::blob_view::open(nothing_packed)).status(), errc::corrupt, contradiction);
  // What is packed within has a checksum of its own, and may be intact and another layer's.
  says(
      "The packed weights are damaged: their checksum does not match.",
      [](tampered& t) { t.section<std::byte>(bcr::weights_section(2))[100] ^= std::byte{1}; }, "pruned");
  says(
      "The buffer holds no packed weights: it does not begin with their signature.",
      [](tampered& t) { t.section<std::byte>(bcr::weights_section(4))[0] = std::byte{0}; }, "fc");
}

TEST_CASE("a network's weights: packed weights of other rows are refused, with the layer's name") {
  static constexpr auto wider = [] {
    builder<4> net("one");
    return net.finish(
        net.input({.channels = 3, .height = 2, .width = 2}).conv("conv", {.outputs = 5, .window = square(1)}));
  }();
  layer_weights<float> weights;
  const auto packed = bcr::net::pack<wider>(bcr::test::parameters(wider, 1));
  REQUIRE(packed.ok());
  const auto saved = bcr::saved_network::open(*bcr::blob_view::open(*packed));
  REQUIRE(saved.ok());
  weights.packed = saved->packed(0);
  weights.rows = 5, weights.columns = 4;
  refused(pack_layer<bcr::blob_layout::panels, bcr::block<16, 64>, true>(weights).status(), errc::corrupt,
          "The packed weights of a layer do not have the layer's rows and columns.");
  weights.columns = 3;
  CHECK(pack_layer<bcr::blob_layout::panels, bcr::block<16, 64>, true>(weights).ok());
}

TEST_CASE("a network's weights: parameters that do not fit, and networks without weights") {
  bcr::test::parameters with(small, 1);
  with.all()["pruned/weight"].resize(3);
  const char* failed = nullptr;
  refused(bcr::net::pack<small>(with, &failed).status(), errc::invalid_argument,
          "The weight of a layer is missing, or not of the layer's size.");
  CHECK(std::string_view(failed == nullptr ? "" : failed) == "pruned");

  static constexpr auto without = [] {
    builder<4> net("without");
    return net.finish(net.input({.channels = 2, .height = 3, .width = 3}).relu());
  }();
  const auto packed = bcr::net::pack<without>(with);
  REQUIRE(packed.ok());
  CHECK(bcr::saved_network::open(*bcr::blob_view::open(*packed))->layers().empty());
  const auto open = [&](std::span<const std::byte> of) {
    return open_saved<float>(without, steps_of(without), description_of(without), of).status();
  };
  CHECK(open(*packed).ok());
  tampered doubles(*packed);
  doubles.set({offsetof(bcr::blob_header, kind) + 8, 4}, static_cast<std::uint64_t>(bcr::value_type::f64));
  refused(open(doubles.sealed()), errc::foreign, "The weights were packed as another type of number.");
}

}  // namespace
