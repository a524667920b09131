#include <iostream>
#include <sys/resource.h>

#include "crash/plan.h"
#include "crash/tracer.h"

int main(int argc, char** argv) {
    using namespace strandline::crash;  // NOLINT(google-build-using-namespace): main only
    constexpr int trouble = 98;
    auto plan = parse_plan(argc, argv);
    if (plan && !*plan) return 0;
    // Each watched file is held open.
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &files);
    }
    auto code = plan ? Tracer(**plan).run() : strandline::Result<int>(plan.error());
    if (code) return *code;
    std::cerr << "crashpoint: " << code.error().message << "\n";
    return trouble;
}
