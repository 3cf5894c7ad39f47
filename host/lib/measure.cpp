#include "host/lib/measure.hpp"

#include <algorithm>
#include <cstring>

#include "abi/platform/layout.hpp"
#include "host/lib/sha.hpp"

namespace enclavisor::host {
namespace {

class Hasher {
public:
    void record(abi::RecordKind kind, std::initializer_list<std::uint64_t> fields) {
        abi::MeasurementRecord record{};
        record.kind = static_cast<std::uint64_t>(kind);
        std::copy(fields.begin(), fields.end(), record.fields);
        sha_.update(std::as_bytes(std::span{&record, 1}));
    }

    void operator()(const PagesOperation& operation) {
        const std::span<const std::byte> contents{operation.contents};
        for (std::size_t offset = 0; offset < contents.size(); offset += abi::kPageSize) {
            record(abi::RecordKind::kPage, {operation.address + offset, operation.permissions});
            sha_.update(contents.subspan(offset, abi::kPageSize));
        }
    }
    void operator()(const ZeroPagesOperation& operation) {
        record(abi::RecordKind::kZeroPages, {operation.address, operation.pages, operation.permissions});
    }
    void operator()(const ThreadOperation& operation) {
        record(abi::RecordKind::kThread,
               {operation.entry, operation.block_address, operation.io_address, operation.io_pages});
    }

    Measurement finish() {
        Measurement digest;
        sha_.finish(digest);
        return digest;
    }

private:
    Sha sha_{ShaKind::kSha384};
};

}  // namespace

Measurement measure(const EnclaveImage& image) {
    Hasher hasher;
    const CreateOperation& create = image.create;
    hasher.record(abi::RecordKind::kCreate,
                  {create.memory_limit, create.runtime_begin, create.runtime_end, create.syscall_entry,
                   create.exception_entry, create.attributes});
    for (const ImageOperation& operation : image.operations) std::visit(hasher, operation);
    hasher.record(abi::RecordKind::kSeal, {});
    return hasher.finish();
}

Measurement measure_group(std::span<const Measurement> members) {
    Hasher hasher;
    hasher.record(abi::RecordKind::kGroup, {members.size()});
    for (const Measurement& member : members) {
        std::array<std::uint64_t, abi::kMeasurementSize / 8> words;
        std::memcpy(words.data(), member.data(), member.size());
        hasher.record(abi::RecordKind::kMember, {words[0], words[1], words[2], words[3], words[4], words[5]});
    }
    hasher.record(abi::RecordKind::kSeal, {});
    return hasher.finish();
}

std::string to_hex(std::span<const std::byte> bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (const std::byte b : bytes) {
        text += kDigits[static_cast<unsigned>(b) >> 4];
        text += kDigits[static_cast<unsigned>(b) & 15];
    }
    return text;
}

}  // namespace enclavisor::host
