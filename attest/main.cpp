// The attestation enclave: measures enclaves for the kernel. It is part of the
// launch measurement, runs in ring 3, and is the only place in the VM's trusted
// base with cryptography.
#include <bearssl/bearssl_hash.h>

#include <cstdint>

#include "abi/enclave/calls.hpp"
#include "abi/evidence/measurement.hpp"
#include "abi/platform/layout.hpp"
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
