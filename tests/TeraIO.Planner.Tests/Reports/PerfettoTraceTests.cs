using System.Text.Json;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Reports;
using TeraIO.Planner.Simulation;
using TeraIO.TestSupport.Tracing;

namespace TeraIO.Planner.Tests.Reports;

public sealed class PerfettoTraceTests
{
    [Test]
    public void Ops_stalls_transfers_and_counters_are_all_there()
    {
        JsonElement[] events = Events(ReportFixture.Trace, ReportFixture.Simulation, ReportFixture.Machine);
        string[] tracks = [.. events.Where(static e => Text(e, "ph") == "M").Select(static e => Text(e.GetProperty("args"), "name"))];
        Assert.That(tracks, Is.SupersetOf(new[] { "Ops", "Stalls", "SSD read", "SSD write" }));
        Assert.That(events.Count(static e => Has(e, "cat", "op")), Is.EqualTo(4));
        JsonElement stall = events.Single(static e => Has(e, "cat", "stall"));
        Assert.That(Text(stall, "name"), Is.EqualTo("stall: late prefetch"));
        Assert.That(stall.GetProperty("ts").GetDouble(), Is.EqualTo(2e6));
        Assert.That(stall.GetProperty("dur").GetDouble(), Is.EqualTo(0.5e6));
        Assert.That(events.Where(static e => Has(e, "cat", "read")).Sum(static e => e.GetProperty("args").GetProperty("bytes").GetInt64()), Is.EqualTo(300));
        Assert.That(events.Where(static e => Has(e, "cat", "write")).Sum(static e => e.GetProperty("args").GetProperty("bytes").GetInt64()), Is.EqualTo(200));
        Assert.That(
            events.Where(static e => Has(e, "name", "Memory with the plan (bytes)")).Select(static e => e.GetProperty("args").GetProperty("value").GetDouble()),
            Is.EqualTo(new double[] { 240, 140, 240, 150 }));
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    public void Events_come_in_the_order_of_time_and_no_track_holds_two_slices_at_once(int seed)
    {
        Trace trace = RandomTraces.Training(seed);
        MachineModel machine = RandomTraces.Machine(seed, trace);
        var plan = MigrationPlan.OnDemand(trace, machine.MemoryBudget, EvictionOrder.LeastRecentlyUsed, "on demand");
        SimulationResult simulation = Simulator.Run(trace, plan, machine, SimulationOptions.Default with { RecordTransfers = true });
        JsonElement[] events = [.. Events(trace, simulation, machine).Where(static e => Text(e, "ph") != "M")];
        Assert.That(events.Select(static e => e.GetProperty("ts").GetDouble()), Is.Ordered);
        foreach (var track in events.Where(static e => Text(e, "ph") == "X").GroupBy(static e => (e.GetProperty("pid").GetInt32(), e.GetProperty("tid").GetInt32())))
        {
            double end = double.NegativeInfinity;
            foreach (JsonElement slice in track)
            {
                Assert.That(slice.GetProperty("ts").GetDouble(), Is.GreaterThanOrEqualTo(end - 1e-3), $"slices of track {track.Key} overlap");
                end = slice.GetProperty("ts").GetDouble() + slice.GetProperty("dur").GetDouble();
            }
        }
    }

    private static JsonElement[] Events(Trace trace, SimulationResult simulation, MachineModel machine)
    {
        using var stream = new MemoryStream();
        PerfettoTrace.Write(stream, trace, simulation, machine);
        return [.. JsonDocument.Parse(stream.ToArray()).RootElement.GetProperty("traceEvents").EnumerateArray()];
    }

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private static bool Has(JsonElement element, string name, string value) => element.TryGetProperty(name, out JsonElement property) && property.ValueEquals(value);
}
