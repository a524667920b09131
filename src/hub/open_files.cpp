#include "hub/open_files.h"

#include <algorithm>
#include <sys/resource.h>

namespace strandline::hub {

std::size_t raise_open_files(std::size_t wanted) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= wanted) return limit.rlim_cur;
    const rlimit privileged{wanted, std::max<rlim_t>(limit.rlim_max, wanted)};
    if (::setrlimit(RLIMIT_NOFILE, &privileged) != 0) {
        // Only root may raise the hard limit; the soft one goes up to it for everybody.
        const rlimit allowed{std::min<rlim_t>(wanted, limit.rlim_max), limit.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &allowed);
    }
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

}  // namespace strandline::hub
