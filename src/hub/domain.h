#pragma once

#include "base/clock.h"
#include "fleet/audit_log.h"
#include "fleet/cluster_store.h"
#include "fleet/deployment_store.h"
#include "fleet/desired_store.h"
#include "fleet/device_store.h"
#include "fleet/event_log.h"
#include "fleet/fleet_service.h"
#include "fleet/join_token_store.h"
#include "fleet/operator_token_store.h"
#include "registry/blob_references.h"
#include "registry/channel_store.h"
#include "registry/delta_job_store.h"
#include "registry/hooks.h"
#include "registry/legacy_file_store.h"
#include "registry/package_store.h"
#include "registry/release_service.h"
#include "registry/release_store.h"
#include "registry/upload_store.h"
#include "store/blob/blob_store.h"
#include "store/sql/database.h"

namespace strandline::hub {

struct Signers {
    registry::Signer manifest;
    registry::Signer desired;
};

/// Every aggregate of registry and fleet over one database. All of them are thread-safe, and all
/// calls block: use them on worker threads only.
class Domain {
public:
    Domain(store::Database& database, store::BlobStore& blobs, const Clock& clock,
           const Signers& signers)
        : audit(database, clock),
          events(database, clock),
          packages(database, clock),
          releases(database),
          release_service(database, blobs, clock, signers.manifest, events.sink()),
          channels(database, clock, events.sink()),
          references(database),
          delta_jobs(database, clock),
          uploads(database, clock),
          legacy_files(database, clock),
          clusters(database, clock),
          deployments(database),
          desired(database),
          devices(database, clock),
          fleet(database, clock, signers.desired),
          join_tokens(database, clock),
          operator_tokens(database, clock) {}
    Domain(const Domain&) = delete;
    Domain& operator=(const Domain&) = delete;

    fleet::AuditLog audit;
    fleet::EventLog events;  // before those that record into it
    registry::PackageStore packages;
    registry::ReleaseStore releases;
    registry::ReleaseService release_service;
    registry::ChannelStore channels;
    registry::BlobReferences references;
    registry::DeltaJobStore delta_jobs;
    registry::UploadStore uploads;
    registry::LegacyFileStore legacy_files;
    fleet::ClusterStore clusters;
    fleet::DeploymentStore deployments;
    fleet::DesiredStore desired;
    fleet::DeviceStore devices;
    fleet::FleetService fleet;
    fleet::JoinTokenStore join_tokens;
    fleet::OperatorTokenStore operator_tokens;
};

}  // namespace strandline::hub
