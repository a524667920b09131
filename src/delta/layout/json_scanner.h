#pragma once

#include <cstdint>
#include <string_view>

namespace strandline::delta {

/// Walks through JSON text without building anything: headers with 100,000 entries cost no memory.
/// After a surprise it is no longer ok() and gives zeros and empty texts. The text is borrowed.
class JsonScanner {
public:
    explicit JsonScanner(std::string_view text) : text_(text) {}

    [[nodiscard]] bool ok() const { return ok_; }

    /// Steps over white space and this character, if it is the next.
    bool accept(char wanted);
    void expect(char wanted) {
        if (!accept(wanted)) ok_ = false;
    }
    /// What stands between two quotes; escapes are left as they are.
    std::string_view string();
    /// A whole number from 0 on.
    std::uint64_t number();
    /// Steps over any value, in time linear in its length.
    void skip_value();

private:
    void skip_space();
    std::string_view text_;
    std::size_t at_ = 0;
    bool ok_ = true;
};

}  // namespace strandline::delta
