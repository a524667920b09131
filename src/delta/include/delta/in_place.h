#pragma once

#include "base/result.h"
#include "delta/apply.h"
#include "delta/info.h"
#include "delta/io.h"

namespace strandline::delta {

/// Turns `file`, the old one, into the new one, segment by segment, in its own place: for devices
/// that have no room for both. `journal` holds one segment and 8 KiB more, and is empty at first
/// and at the end; it belongs to the file until then.
///
/// After a cut at any moment, the same call goes on and ends with the right file. The file is
/// neither old nor new meanwhile. Without room for the journal and for what the file grows by,
/// nothing is changed (`exhausted`). A file that is the new one already is left as it is. The delta
/// must have been made for this (EncodeOptions::in_place), else it is `invalid`.
///
/// `conflict`: the file is neither the old nor the new one, and nothing was changed. `corrupt`: the
/// delta or the file is damaged. Once a segment has been replaced, go on with an undamaged delta;
/// when that does not help, the file was damaged, and must be fetched as a whole. Remove the
/// journal then.
/// Blocking. OldCheck does not matter: a fresh start reads the whole old file first.
[[nodiscard]] Result<DeltaInfo> apply_in_place(DurableFile& file, DurableFile& journal,
                                               const ReadAt& patch,
                                               const ApplyOptions& options = {});

}  // namespace strandline::delta
