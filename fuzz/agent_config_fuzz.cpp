#include <cstddef>
#include <cstdint>
#include <string_view>

#include "agent/agent_config.h"

// agent.toml.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto config = strandline::agent::parse_agent_config(text, "fuzz");
    STRANDLINE_ASSERT(config || !config.error().message.empty());
    return 0;
}
