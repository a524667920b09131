#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

#include "base/errc.h"

namespace strandline {

/// Why an operation failed. `message` is for a person: it names the thing and, where one
/// exists, the fix. It never holds a secret.
struct Error {
    Errc code = Errc::internal;
    std::string message;
    /// Earliest sensible time to try again, if the other side said so.
    std::optional<std::chrono::milliseconds> retry_after;

    friend bool operator==(const Error&, const Error&) = default;
};

/// A value, or the reason why there is none. Dropping one is a compiler warning.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
    using Base = tl::expected<T, Error>;

public:
    using Base::Base;
    // Implicit on purpose: `return Error{...};` reads well and loses nothing.
    // NOLINTNEXTLINE(google-explicit-constructor)
    Result(Error error) : Base(tl::unexpect, std::move(error)) {}
};

using Status = Result<void>;

/// Builds an Error: `return fail(Errc::not_found, "device d-7 is unknown")`.
[[nodiscard]] inline Error fail(Errc code, std::string message) {
    return Error{code, std::move(message), std::nullopt};
}

/// Puts context in front of a message on its way up: "fetch manifest: connection refused".
[[nodiscard]] inline Error context(std::string_view what, Error error) {
    error.message.insert(0, std::string(what) + ": ");
    return error;
}

/// Drops a Result on purpose; `why` is for the reader.
template <class T>
void ignore(const Result<T>& /*result*/, std::string_view /*why*/) {}

/// The catalogue's entry of a code.
[[nodiscard]] constexpr const ErrcInfo& info(Errc code) {
    return errc_catalogue[static_cast<std::size_t>(code)];
}

/// The code with this catalogue name, if there is one.
[[nodiscard]] constexpr std::optional<Errc> errc_from_name(std::string_view name) {
    for (const auto& entry : errc_catalogue) {
        if (entry.name == name) return entry.code;
    }
    return std::nullopt;
}

/// The code that a HTTP status stands for; statuses outside the catalogue map to the nearest.
[[nodiscard]] Errc errc_from_http_status(int status);

/// Error from `errno`: ENOSPC and EDQUOT are `exhausted`, ENOENT is `not_found`, EACCES and EPERM
/// `forbidden`, the rest `internal`. The text is `what: strerror`.
[[nodiscard]] Error error_from_errno(std::string_view what, int error_number);

/// Logs the broken invariant and ends the process.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace strandline

// The only control-flow macros of the project.
//   TRY(auto x, f());   x = value of f(), or return its error
//   TRY(f());           the same for a Status
// CO_TRY does the same in a coroutine.
// NOLINTBEGIN(bugprone-macro-parentheses): `lhs` is a declaration, `ret` a keyword.
#define STRANDLINE_CONCAT_INNER(a, b) a##b
#define STRANDLINE_CONCAT(a, b) STRANDLINE_CONCAT_INNER(a, b)
#define STRANDLINE_TRY_VALUE(tmp, ret, lhs, expr) \
    auto tmp = (expr);                            \
    if (!tmp) ret std::move(tmp).error();         \
    lhs = *std::move(tmp)
#define STRANDLINE_TRY_STATUS(tmp, ret, expr) \
    do {                                      \
        auto tmp = (expr);                    \
        if (!tmp) ret std::move(tmp).error(); \
    } while (false)
#define STRANDLINE_TRY_PICK(_1, _2, name, ...) name
#define STRANDLINE_TRY_A(ret, expr) \
    STRANDLINE_TRY_STATUS(STRANDLINE_CONCAT(try_, __COUNTER__), ret, expr)
#define STRANDLINE_TRY_B(ret, lhs, expr) \
    STRANDLINE_TRY_VALUE(STRANDLINE_CONCAT(try_, __COUNTER__), ret, lhs, expr)
#define STRANDLINE_TRY_1(expr) STRANDLINE_TRY_A(return, expr)
#define STRANDLINE_TRY_2(lhs, expr) STRANDLINE_TRY_B(return, lhs, expr)
#define STRANDLINE_CO_TRY_1(expr) STRANDLINE_TRY_A(co_return, expr)
#define STRANDLINE_CO_TRY_2(lhs, expr) STRANDLINE_TRY_B(co_return, lhs, expr)
#define TRY(...) STRANDLINE_TRY_PICK(__VA_ARGS__, STRANDLINE_TRY_2, STRANDLINE_TRY_1, )(__VA_ARGS__)
#define CO_TRY(...) \
    STRANDLINE_TRY_PICK(__VA_ARGS__, STRANDLINE_CO_TRY_2, STRANDLINE_CO_TRY_1, )(__VA_ARGS__)
// NOLINTEND(bugprone-macro-parentheses)

/// For broken invariants of our own, never for input.
#define STRANDLINE_ASSERT(expression) \
    ((expression) ? void(0) : ::strandline::assertion_failed(#expression, __FILE__, __LINE__))
