#include <cstddef>
#include <cstdint>
#include <string_view>

#include "trust/authority.h"
#include "trust/keys.h"
#include "trust/request.h"
#include "trust/token.h"

// The parsers of everything that a stranger sends before anything is known of him.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    strandline::ignore(strandline::trust::read_certificate(text), "must only not crash");
    strandline::ignore(strandline::trust::proven_key_of_request(text), "must only not crash");
    strandline::ignore(strandline::trust::make_request_for_key(text, "device"),
                       "must only not crash");
    strandline::ignore(strandline::trust::SigningKey::from_pem(text), "must only not crash");
    const auto token = strandline::trust::Token::parse(text, strandline::trust::join_token_kind);
    STRANDLINE_ASSERT(!token || token->text() == text);
    return 0;
}
