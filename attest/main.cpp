// The attestation enclave: measures enclaves for the kernel, and asks the secure
// processor for reports. It is part of the launch measurement, runs in ring 3, and
// is the only place in the VM's trusted base with cryptography.
#include <bearssl/bearssl_hash.h>

#include <cstdint>

#include "abi/enclave/calls.hpp"
#include "abi/evidence/attest_image.hpp"
#include "abi/evidence/measurement.hpp"
#include "abi/platform/layout.hpp"
#include "attest/secure_processor.hpp"
#include "base/kernel_call.hpp"

namespace enclavisor::attest {
namespace {

// One hash for each enclave that is being built.
br_sha384_context contexts[abi::kAttestPlaces];

void add(br_sha384_context& hash, const abi::MeasurementRecord& record) {
    br_sha384_update(&hash, &record, sizeof(record));
}

void add_pages(br_sha384_context& hash, abi::MeasurementRecord record, std::uint64_t pages) {
    for (std::uint64_t i = 0; i < pages; i++) {
        add(hash, record);
        br_sha384_update(&hash, reinterpret_cast<const void*>(abi::kAttestWindow + i * abi::kPageSize),
                         abi::kPageSize);
        record.fields[0] += abi::kPageSize;
    }
}

std::uint64_t carry(MessagePage&) {
    base::kernel_call(abi::Call::kGuestRequest);
    return base::thread_block().exchange[abi::kGuestRequestError];
}

// Some 30 to 60 ms.
void pause() {
    constexpr std::uint64_t kTicks = 1 << 27;
    static std::uint32_t word;
    base::kernel_call(abi::Call::kWait, reinterpret_cast<std::uint64_t>(&word), 0,
                      __builtin_ia32_rdtsc() + kTicks);
}

constinit SecureProcessor processor{carry, pause};

// What the host chose is in the page.
void report(abi::AttestRequest& request) {
    if (!processor.begun()) {
        processor.begin(*reinterpret_cast<const abi::PlatformKey*>(abi::kAttestKey));
        base::kernel_call(abi::Call::kUnmap, abi::kAttestKey, 1);
    }
    auto& page = *reinterpret_cast<MessagePage*>(abi::kAttestMessage);
    std::uint8_t data[abi::kReportDataSize];
    __builtin_memcpy(data, page.bytes, sizeof(data));
    const auto [refusal, detail] = processor.report(data, abi::kHostReportVmpl, page);
    request.refusal = static_cast<std::uint64_t>(refusal);
    request.detail = detail;
}

void serve(abi::AttestRequest& request) {
    br_sha384_context& hash = contexts[request.place % abi::kAttestPlaces];
    switch (static_cast<abi::AttestOperation>(request.operation)) {
        case abi::AttestOperation::kRecord:
            if (request.record.kind == static_cast<std::uint64_t>(abi::RecordKind::kCreate) ||
                request.record.kind == static_cast<std::uint64_t>(abi::RecordKind::kGroup))
                br_sha384_init(&hash);
            if (request.record.kind == static_cast<std::uint64_t>(abi::RecordKind::kPage)) {
                add_pages(hash, request.record, request.pages);
            } else {
                add(hash, request.record);
            }
            break;
        case abi::AttestOperation::kFinish:
            add(hash, request.record);
            br_sha384_out(&hash, request.digest);
            break;
        case abi::AttestOperation::kReport:
            report(request);
            break;
        default:
            break;
    }
}

}  // namespace

extern "C" [[noreturn]] void attest_main() {
    auto& request = *reinterpret_cast<abi::AttestRequest*>(base::thread_block().exchange);
    for (;;) {
        base::kernel_call(abi::Call::kAttestNext);
        serve(request);
    }
}

}  // namespace enclavisor::attest
