#include "base/metrics.h"

#include <gtest/gtest.h>

namespace strandline {
namespace {

TEST(Metrics, WritesCountersAndGaugesByName) {
    Metrics metrics;
    metrics.counter("b_total", "Counts b.").add(3);
    metrics.gauge("a", "Level of a.").set(-2);
    EXPECT_EQ(metrics.text(),
              "# HELP a Level of a.\n# TYPE a gauge\na -2\n"
              "# HELP b_total Counts b.\n# TYPE b_total counter\nb_total 3\n");
}

TEST(Metrics, SameNameAndLabelsIsTheSameSeries) {
    Metrics metrics;
    metrics.counter("x_total", "x", {{"a", "1"}}).add();
    metrics.counter("x_total", "x", {{"a", "1"}}).add();
    metrics.counter("x_total", "x", {{"a", "2"}}).add();
    EXPECT_EQ(metrics.text(),
              "# HELP x_total x\n# TYPE x_total counter\nx_total{a=\"1\"} 2\nx_total{a=\"2\"} 1\n");
}

TEST(Metrics, EscapesLabelValues) {
    Metrics metrics;
    metrics.counter("x_total", "h\\e\nl", {{"a", "q\"b\\c\nd"}}).add();
    EXPECT_EQ(
        metrics.text(),
        "# HELP x_total h\\\\e\\nl\n# TYPE x_total counter\nx_total{a=\"q\\\"b\\\\c\\nd\"} 1\n");
}

TEST(Metrics, HistogramBucketsAreCumulativeAndEndInInfinity) {
    Metrics metrics;
    auto& times = metrics.histogram("t_seconds", "t", {{"r", "v"}});
    times.observe(std::chrono::milliseconds(1));  // on a bound: counts in that bucket
    times.observe(std::chrono::milliseconds(20));
    times.observe(std::chrono::seconds(100));
    const auto text = metrics.text();
    EXPECT_NE(text.find("t_seconds_bucket{r=\"v\",le=\"0.001\"} 1\n"), std::string::npos) << text;
    EXPECT_NE(text.find("t_seconds_bucket{r=\"v\",le=\"0.025\"} 2\n"), std::string::npos) << text;
    EXPECT_NE(text.find("t_seconds_bucket{r=\"v\",le=\"60\"} 2\n"), std::string::npos) << text;
    EXPECT_NE(text.find("t_seconds_bucket{r=\"v\",le=\"+Inf\"} 3\n"), std::string::npos) << text;
    EXPECT_NE(text.find("t_seconds_sum{r=\"v\"} 100.021\n"), std::string::npos) << text;
    EXPECT_NE(text.find("t_seconds_count{r=\"v\"} 3\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace strandline
