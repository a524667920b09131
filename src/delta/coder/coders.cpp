#include "delta/coder/coders.h"

#include <fmt/core.h>

#include "delta/coder/lzma_codec.h"
#include "delta/coder/mixed_coder.h"
#include "delta/coder/planes_coder.h"
#include "delta/coder/sparse_coder.h"

namespace strandline::delta {
namespace {

class LzDecoder final : public BlockDecoder {
public:
    explicit LzDecoder(ZstdDecoder& zstd) : zstd_(&zstd) {}

    Status decode(ByteSpan payload, ByteSpan reference, std::span<std::byte> out,
                  std::span<std::byte> /*scratch*/) override {
        return zstd_->decode(payload, reference, out);
    }

private:
    ZstdDecoder* zstd_;
};

class PlanesDecoder final : public BlockDecoder {
public:
    explicit PlanesDecoder(ZstdDecoder& zstd) : zstd_(&zstd) {}

    Status decode(ByteSpan payload, ByteSpan reference, std::span<std::byte> out,
                  std::span<std::byte> scratch) override {
        return decode_planes(payload, reference, *zstd_, out, scratch);
    }

private:
    ZstdDecoder* zstd_;
};

class SparseDecoder final : public BlockDecoder {
public:
    explicit SparseDecoder(ZstdDecoder& zstd) : zstd_(&zstd) {}

    Status decode(ByteSpan payload, ByteSpan reference, std::span<std::byte> out,
                  std::span<std::byte> scratch) override {
        return decode_sparse(payload, reference, *zstd_, out, scratch);
    }

private:
    ZstdDecoder* zstd_;
};

class LzmaDecoder final : public BlockDecoder {
public:
    Status decode(ByteSpan payload, ByteSpan reference, std::span<std::byte> out,
                  std::span<std::byte> /*scratch*/) override {
        return lzma_decode(payload, reference, out);
    }
};

class NumbersDecoder final : public BlockDecoder {
public:
    explicit NumbersDecoder(NumberModels& models) : models_(&models) {}

    Status decode(ByteSpan payload, ByteSpan reference, std::span<std::byte> out,
                  std::span<std::byte> scratch) override {
        return decode_numbers_block(payload, reference, *models_, out, scratch);
    }

private:
    NumberModels* models_;
};

class MixedDecoder final : public BlockDecoder {
public:
    Status decode(ByteSpan payload, ByteSpan reference, std::span<std::byte> out,
                  std::span<std::byte> /*scratch*/) override {
        return decode_mixed_block(payload, reference, mixer_, out);
    }

private:
    number::ByteMixer mixer_;
};

}  // namespace

BlockDecoders::BlockDecoders(std::uint8_t features)
    : lz_(std::make_unique<LzDecoder>(zstd_)),
      planes_(std::make_unique<PlanesDecoder>(zstd_)),
      sparse_(std::make_unique<SparseDecoder>(zstd_)),
      lzma_((features & feature_lzma) != 0 ? std::make_unique<LzmaDecoder>() : nullptr),
      models_((features & feature_numbers) != 0
                  ? std::make_unique<NumberModels>((features & feature_factors) != 0)
                  : nullptr),
      numbers_(models_ ? std::make_unique<NumbersDecoder>(*models_) : nullptr),
      mixed_((features & feature_mixer) != 0 ? std::make_unique<MixedDecoder>() : nullptr) {}
BlockDecoders::~BlockDecoders() = default;

void BlockDecoders::begin_segment() {
    if (models_) models_->reset();
}

Result<BlockDecoder*> BlockDecoders::find(std::uint8_t id) {
    switch (static_cast<CoderId>(id)) {
        case CoderId::lz:
            return lz_.get();
        case CoderId::planes:
            return planes_.get();
        case CoderId::sparse:
            return sparse_.get();
        case CoderId::numbers:
            if (numbers_) return numbers_.get();
            return fail(Errc::corrupt, "delta has numbers that its header does not declare");
        case CoderId::lzma:
            if (lzma_) return lzma_.get();
            return fail(Errc::corrupt, "delta has LZMA that its header does not declare");
        case CoderId::mixed:
            if (mixed_) return mixed_.get();
            return fail(Errc::corrupt, "delta has mixed bytes that its header does not declare");
    }
    return fail(Errc::invalid,
                fmt::format("delta uses block coder {}, unknown to this program: update it", id));
}

}  // namespace strandline::delta
