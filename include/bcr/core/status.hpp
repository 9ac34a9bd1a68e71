// What a call that can fail hands back: a code for the program and a sentence for the person who reads the log. Nothing
// here allocates, throws or prints; the sentences are string literals, so a status may be kept for as long as one
// likes.
#pragma once

#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

namespace bcr {

// The kinds of failure. A caller that wants to react picks one of these; what went wrong in detail is in the message.
enum class errc : std::uint8_t {
  ok,
  invalid_argument,  // the call's own arguments contradict each other or the object
  unsupported,       // a valid wish that this build or this kernel does not fulfil
  out_of_memory,     // an allocation failed; nothing was changed
  truncated,         // a saved buffer ends before its contents do
  corrupt,           // a saved buffer contradicts itself or its checksum
  foreign,           // a saved buffer of another library, version, byte order, block or type
};

class [[nodiscard]] status {
 public:
  constexpr status() noexcept = default;
  // `message` must outlive the status: pass a string literal.
  constexpr status(errc code, const char* message) noexcept : message_(message), code_(code) {}

  constexpr bool ok() const noexcept { return code_ == errc::ok; }
  constexpr explicit operator bool() const noexcept { return ok(); }
  constexpr errc code() const noexcept { return code_; }
  // One sentence, never null.
  constexpr const char* message() const noexcept { return message_; }

 private:
  const char* message_ = "Success.";
  errc code_ = errc::ok;
};

// A value, or the status that says why there is none. Reading the value of a failed result is a programming error
// (undefined, as with std::optional): test it first.
template <class T>
class [[nodiscard]] result {
  static_assert(std::is_nothrow_move_constructible_v<T>, "bcr::result: the value must move without throwing");

 public:
  result(T value) noexcept : has_value_(true) { ::new (static_cast<void*>(&value_)) T(std::move(value)); }
  result(bcr::status why) noexcept : status_(why), has_value_(false) {}
  result(errc code, const char* message) noexcept : result(bcr::status(code, message)) {}
  result(result&& other) noexcept : status_(other.status_), has_value_(other.has_value_) {
    if (has_value_) ::new (static_cast<void*>(&value_)) T(std::move(other.value_));
  }
  result& operator=(result&& other) noexcept {
    if (this != &other) {
      this->~result();
      ::new (static_cast<void*>(this)) result(std::move(other));
    }
    return *this;
  }
  ~result() {
    if (has_value_) value_.~T();
  }

  bool ok() const noexcept { return has_value_; }
  explicit operator bool() const noexcept { return has_value_; }
  bcr::status status() const noexcept { return status_; }
  const char* message() const noexcept { return status_.message(); }

  T& value() & noexcept { return value_; }
  const T& value() const& noexcept { return value_; }
  T&& value() && noexcept { return std::move(value_); }
  T& operator*() & noexcept { return value_; }
  const T& operator*() const& noexcept { return value_; }
  T&& operator*() && noexcept { return std::move(value_); }
  T* operator->() noexcept { return &value_; }
  const T* operator->() const noexcept { return &value_; }

 private:
  union {
    T value_;
  };
  bcr::status status_;
  bool has_value_;
};

}  // namespace bcr
