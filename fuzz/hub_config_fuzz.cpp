#include <cstddef>
#include <cstdint>
#include <string_view>

#include "hub/hub_config.h"

// strandline.toml. What is accepted has working limits.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto config = strandline::hub::parse_hub_config(text, "fuzz");
    if (!config) return 0;
    STRANDLINE_ASSERT(config->http.max_connections > 0 && config->http.worker_threads > 0);
    STRANDLINE_ASSERT(config->http.effective_connections_per_address() > 0);
    STRANDLINE_ASSERT(!config->mqtt.root.empty() && !config->effective_public_host().empty());
    return 0;
}
