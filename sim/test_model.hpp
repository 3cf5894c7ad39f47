// A model for tests, and what its peers do: the hypervisor that launches a guest, the guest that sends
// messages.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "sim/guest_request.hpp"
#include "sim/model.hpp"

namespace enclavisor::sim {

inline constexpr std::uint64_t kTestMemory = 64ull << 20;
inline constexpr std::uint64_t kTestPolicy = snp_policy::kSmt | snp_policy::kOne;
inline constexpr std::uint64_t kVmsaAddress = 0xFFFF'FFFF'F000;

inline Bytes from_hex(const std::string& text) {
    Bytes out;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        out.push_back(static_cast<std::uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
    return out;
}

class TestModel {
public:
    explicit TestModel(Product product = Product::kMilan)
        : model_{Chip::make(product), Authority{product}, SevPlatform{}, kTestMemory} {}

    Model& operator*() { return model_; }
    Model* operator->() { return &model_; }

    template <Plain T>
    Reply ask(Command command, const T& request, BytesView tail = {}) {
        Bytes bytes = bytes_of(request);
        append(bytes, tail);
        return model_.handle(command, bytes);
    }
    Reply ask(Command command) { return model_.handle(command, {}); }
    template <Plain T>
    Status status(Command command, const T& request, BytesView tail = {}) {
        return ask(command, request, tail).status;
    }

    // A guest in its launch, with an ASID that is its number.
    std::uint32_t begin_guest(SnpStart start = {kTestPolicy, 0, 0, {}}) {
        if (!model_.snp.initialized()) ask(Command::kSnpInit);
        const Reply reply = ask(Command::kSnpContextCreate);
        BytesView rest{reply.payload};
        const std::uint32_t guest = take_front<GuestNumber>(rest)->guest;
        EXPECT_EQ(status(Command::kSnpLaunchStart, SnpStartRequest{guest, 0, start}), Status::kSuccess);
        EXPECT_EQ(status(Command::kSnpActivate, ActivateRequest{guest, guest}), Status::kSuccess);
        return guest;
    }

    HostOutcome assign(std::uint64_t system, std::uint64_t guest_address, std::uint32_t asid,
                       bool immutable = false, bool large = false) {
        const Reply reply = ask(
            Command::kRmpUpdate,
            RmpUpdateRequest{system, guest_address, asid, 1u | (immutable ? 2u : 0u) | (large ? 4u : 0u)});
        BytesView rest{reply.payload};
        return take_front<HostReply>(rest)->outcome;
    }

    // The page is at the same address in the machine, unless it is a VMSA.
    Reply add_page(std::uint32_t guest, std::uint64_t address, PageType type, BytesView contents,
                   std::uint64_t guest_address) {
        EXPECT_EQ(assign(address, guest_address, guest, true), HostOutcome::kDone);
        return ask(Command::kSnpLaunchUpdate,
                   SnpUpdateRequest{guest, 0, SnpUpdate{address, type, 0, 0, 0, 0, 0, {}}}, contents);
    }
    Status finish(std::uint32_t guest, const SnpFinish& how = {}) {
        return status(Command::kSnpLaunchFinish, SnpFinishRequest{guest, 0, how});
    }

    // A running guest and its keys.
    struct Running {
        std::uint32_t guest;
        std::array<Block<32>, kMessageKeys> keys;
        std::array<std::uint64_t, kMessageKeys> counts{};
    };
    Running run_guest(const SnpFinish& how = {}, SnpStart start = {kTestPolicy, 0, 0, {}}) {
        Running running{begin_guest(start), {}, {}};
        const Reply secrets =
            add_page(running.guest, next_page_, PageType::kSecrets, Bytes(kPage), next_page_);
        next_page_ += kPage;
        EXPECT_EQ(secrets.payload.size(), kPage);
        std::memcpy(&running.keys, secrets.payload.data() + 0x20, sizeof(running.keys));
        EXPECT_EQ(finish(running.guest, how), Status::kSuccess);
        return running;
    }

    // A message and what it is answered with; fails the test unless the answer is in turn, of the right type
    // and authentic.
    Bytes talk(Running& running, MessageType type, BytesView text, std::uint8_t key = 0,
               std::uint8_t version = 1) {
        const Message message{static_cast<std::uint8_t>(type), version, key, {text.begin(), text.end()}};
        const auto page = seal(message, running.keys[key], running.counts[key] + 1);
        const Reply reply = ask(Command::kSnpGuestRequest, GuestMessageRequest{running.guest, 0, page});
        EXPECT_EQ(reply.status, Status::kSuccess);
        if (reply.status != Status::kSuccess) return {};
        ++running.counts[key];
        auto answer = open(block_of<kMessagePage>(reply.payload), running.keys, running.counts);
        EXPECT_TRUE(answer.ok());
        if (!answer) return {};
        ++running.counts[key];
        EXPECT_EQ(answer->type, static_cast<std::uint8_t>(type) + 1);
        return answer->text;
    }

private:
    Model model_;
    std::uint64_t next_page_ = 0x100000;
};

}  // namespace enclavisor::sim
