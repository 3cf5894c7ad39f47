// Threads that perform jobs in the order in which they come.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace enclavisor::host {

class WorkerPool {
public:
    explicit WorkerPool(unsigned threads);
    // Performs what was given before. A job may be the last owner of its pool.
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;

    void perform(std::function<void()> job);  // thread-safe

private:
    struct Queue {
        std::mutex mutex;
        std::condition_variable changed;
        std::deque<std::function<void()>> jobs;
        bool ending = false;
        void run();
    };

    std::shared_ptr<Queue> queue_ = std::make_shared<Queue>();
    std::vector<std::thread> threads_;
};

}  // namespace enclavisor::host
