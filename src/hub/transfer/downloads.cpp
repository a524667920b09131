#include "hub/transfer/downloads.h"

#include <utility>

#include "hub/transfer/byte_range.h"

namespace strandline::hub {

Result<net::Response> send_blob(Services& services, const net::Request& request,
                                const Sha256Digest& digest) {
    TRY(const auto info, services.blobs.stat(digest));
    TRY(auto file, services.blobs.open_blob(digest));
    net::Response response;
    response.headers.set("Content-Type", "application/octet-stream");
    response.headers.set("Cache-Control", "private, immutable, max-age=31536000");
    // Shared: the server keeps the file open as long as it sends.
    response.body = net::FileBody{.file = std::make_shared<const UniqueFd>(std::move(file)),
                                  .size = info.size,
                                  .etag = "\"" + digest.hex() + "\""};
    if (request.method == net::Method::head) return response;
    TRY(auto ticket,
        services.gate->admit(requested_bytes(request.headers.find("Range"), info.size)));
    response.max_bytes_per_second = services.config.transfers.bytes_per_second_per_transfer;
    auto& sent_total = services.metrics.counter("strandline_download_bytes_total",
                                                "Bytes of files and deltas sent to devices.");
    response.on_sent = [ticket = std::move(ticket), &sent_total](std::uint64_t bytes,
                                                                 bool /*complete*/) {
        ticket->sent(bytes);
        sent_total.add(bytes);
    };
    return response;
}

}  // namespace strandline::hub
