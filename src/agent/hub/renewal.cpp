#include "agent/hub/renewal.h"

#include <algorithm>
#include <utility>

#include "agent/hub/identity.h"
#include "base/backoff.h"
#include "base/file.h"
#include "base/log.h"
#include "trust/authority.h"

namespace strandline::agent {
namespace {

using std::chrono::milliseconds;

// The wall clock may jump, so it is asked again at least this often.
constexpr milliseconds max_look{std::chrono::hours{1}};
constexpr milliseconds min_look{1'000};
constexpr milliseconds retry_base{5'000};
constexpr std::size_t max_pem_bytes = 64 * 1024;

struct Certificate {
    trust::CertificateInfo info;
    std::string private_key_pem;
};

Result<Certificate> read_own(const std::filesystem::path& identity) {
    TRY(const auto pem, read_text_file(identity / "cert.pem", max_pem_bytes));
    Certificate own;
    TRY(own.info, trust::read_certificate(pem));
    TRY(own.private_key_pem, read_text_file(identity / "key.pem", max_pem_bytes));
    return own;
}

net::Task<void> renew(HubClient& hub, DeviceState& device, const std::filesystem::path& identity) {
    CO_TRY(auto own, read_own(identity));
    CO_TRY(auto csr, trust::make_request_for_key(own.private_key_pem, own.info.common_name));
    auto certificate = co_await hub.renew(std::move(csr));
    if (!certificate) co_return std::move(certificate).error();
    CO_TRY(const auto info, trust::read_certificate(*certificate));
    if (info.common_name != own.info.common_name) {
        co_return fail(Errc::corrupt, "the renewed certificate names " + info.common_name);
    }
    CO_TRY(save_certificate(identity, *certificate));
    ignore(device.raise_floor(info.not_before), "raised again by the next signed document");
    CO_TRY(hub.use_identity(std::move(*certificate), std::move(own.private_key_pem)));
    co_return Status{};
}

}  // namespace

WallTime renewal_time(WallTime not_before, WallTime not_after) {
    return not_before + (not_after - not_before) * 2 / 3;
}

boost::asio::awaitable<void> keep_certificate(Tasks& tasks, net::Signal& wake, HubClient& hub,
                                              DeviceState& device, RenewalOptions options) {
    Backoff backoff(retry_base, max_look);
    while (!tasks.stopping()) {
        ignore(device.keep_floor(), "tried again at the next look");
        const auto own = read_own(options.identity);
        auto look = max_look;
        if (own) {
            const auto left =
                renewal_time(own->info.not_before, own->info.not_after) - device.now();
            look = std::clamp(std::chrono::duration_cast<milliseconds>(left), min_look, max_look);
            if (left <= milliseconds{0}) {
                const auto renewed = co_await renew(hub, device, options.identity);
                if (renewed) {
                    log_info("certificate renewed");
                    backoff.reset();
                    if (options.renewed) options.renewed();
                } else {
                    log_warn("certificate not renewed error=\"{}\"", renewed.error().message);
                    look = std::max({min_look, backoff.next(),
                                     renewed.error().retry_after.value_or(milliseconds{0})});
                }
            }
        }
        co_await tasks.wait(wake, Deadline::after(look));
    }
}

}  // namespace strandline::agent
