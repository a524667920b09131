#pragma once

#include <memory>

#include "hub/api/event_feed.h"
#include "hub/hub_parts.h"
#include "hub/jobs/delta_news.h"
#include "hub/test_domain.h"
#include "hub/transfer/open_blobs.h"

namespace strandline::hub {

/// What handlers and jobs use, over real stores and without a server, for tests.
struct TestServices {
    TestServices() { config.state = test.folder.path(); }

    TestDomain test;
    HubConfig config;
    net::Runtime runtime{{.worker_threads = 1}};
    Metrics metrics;
    EventFeed feed{runtime, test.domain->events};
    DeltaNews delta_news{runtime};
    std::unique_ptr<trust::CertificateAuthority> authority =
        trust::CertificateAuthority::open_or_create(test.folder.path() / "ca", "test", test.clock)
            .value();
    std::shared_ptr<UploadFiles> uploads = std::make_shared<UploadFiles>(
        test.folder.path() / "uploads", test.domain->uploads, *test.blobs, config.uploads.expiry);
    Services services{.config = config,
                      .clock = test.clock,
                      .runtime = runtime,
                      .blobs = *test.blobs,
                      .domain = *test.domain,
                      .authority = *authority,
                      .metrics = metrics,
                      .feed = feed,
                      .delta_news = delta_news,
                      .gate = nullptr,
                      .keyset_envelope = "{}",
                      .uploads = uploads,
                      .open_blobs = std::make_shared<OpenBlobs>(*test.blobs)};
    Authenticator authenticator{test.domain->operator_tokens, test.domain->devices};
    net::Router router = make_router(services, authenticator);
};

}  // namespace strandline::hub
