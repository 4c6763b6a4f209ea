namespace TeraIO.Core.Tests.CudaOrdering;

/// <summary>The order of transfers and kernels, in every order in which threads and streams can go on. docs/cuda-ordering.md tells the protocol.</summary>
[TestFixture]
public class CudaOrderingTests
{
    private static IEnumerable<TestCaseData> EveryScenario()
    {
        foreach (var scenario in Scenario.All())
        {
            foreach (bool waitsOnHost in new[] { false, true })
            {
                foreach (int failures in new[] { 0, 1 })
                {
                    var variant = scenario with { WaitsOnHost = waitsOnHost, Failures = failures };
                    yield return new TestCaseData(variant).SetArgDisplayNames(variant.ToString());
                }
            }
        }
    }

    [TestCaseSource(nameof(EveryScenario))]
    public void No_order_of_steps_is_wrong(object scenario)
    {
        var report = Explorer.Explore(new Machine((Scenario)scenario));

        TestContext.Out.WriteLine(report);
        Assert.That(report.Violation, Is.Null, report.ToString());
        Assert.That(report.Ends, Is.Positive);
    }

    private static IEnumerable<TestCaseData> EveryDefect()
    {
        yield return Found(Defect.WriteIgnoresKernels, Scenario.DirtyTensorsTakeTurns, "a copy finds");
        yield return Found(Defect.ReadIgnoresKernels, Scenario.CleanTensorsTakeTurns, "kernel");
        yield return Found(Defect.RecordsTooEarly, Scenario.CleanTensorsTakeTurns, "kernel");
        yield return Found(Defect.StreamDoesNotWait, Scenario.CleanTensorsTakeTurns, "a kernel finds");
        yield return Found(Defect.FreesBeforeTheWriteEnded, Scenario.DirtyTensorsTakeTurns, "");
        yield return Found(Defect.SignalsBeforeTheCopy, Scenario.CleanTensorsTakeTurns, "a kernel finds");
        yield return Found(Defect.DoesNotAwaitCopies, Scenario.OneFenceForTwoTransfers, "");
        yield return Found(Defect.OpensWithTheFirst, Scenario.OneFenceForTwoTransfers, "a kernel finds");
        yield return Found(Defect.FailureSignalsNobody, Scenario.CleanTensorsTakeTurns with { Failures = 1 }, "deadlock: stream 0");
        yield return Found(Defect.FailureSignalsNobody, Scenario.CleanTensorsTakeTurns with { Failures = 1, WaitsOnHost = true }, "deadlock: thread 0");
        yield return Found(Defect.CancelSignalsNobody, Scenario.AReadIsCancelled, "deadlock");
        yield return Found(Defect.AbandonsNobody, Scenario.AFenceIsGivenUp, "deadlock");
        yield return Found(Defect.FailureIsForgotten, Scenario.CleanTensorsTakeTurns with { Failures = 1 }, "lost error");
        yield return Found(Defect.WaitsInTheCopyStream, Scenario.AHeldReadBeforeTheOneItNeeds, "deadlock");
        yield return Found(Defect.OneWatchForAllStreams, Scenario.TwoStreams, "deadlock");
        yield return Found(Defect.LooksBeforeItSubscribes, Scenario.CleanTensorsTakeTurns, "deadlock");
        yield return Found(Defect.RequestFollowsItsFence, Scenario.AFenceIsRecordedAgain, "kernel");
        yield return Found(Defect.ArmingClearsTheWord, Scenario.CleanTensorsTakeTurns, "deadlock: stream 0");
        yield return Found(Defect.ArmingLeavesTheWordOpen, Scenario.CleanTensorsTakeTurns, "a kernel finds");
        yield return Found(Defect.WaitsForAReadWithoutRoom, Scenario.RoomIsMadeForARead, "deadlock");
        yield return Found(Defect.FreesDuringTheRead, Scenario.ABlockDiesWhileItIsRead, "");
        yield return Found(Defect.WritesDuringTheRead, Scenario.ABlockIsToLeaveWhileItIsRead, "a copy finds");
        yield return Found(Defect.BringsOutUnexamined, Scenario.AResultBehindARead with { Failures = 1 }, "the program sees");
        yield return Found(Defect.TrustsWhatAFailedReadLetGo, Scenario.RoomIsMadeForARead with { Failures = 1 }, "pass for good");
        yield return Found(Defect.UrgentReadsOvertake, Scenario.ReadsThroughALane, "deadlock");
        yield return Found(Defect.RepeatedReadsWaitForAPlace, Scenario.ReadsThroughALane with { Failures = 1 }, "deadlock");
        yield return Found(Defect.RepeatedReadsGoToTheEnd, Scenario.ReadsThroughALane with { Failures = 1 }, "deadlock");
        yield return Found(Defect.SignalsUnderTheEnginesLock, Scenario.TheEngineIsLocked, "deadlock");

        static TestCaseData Found(Defect defect, Scenario scenario, string violation) =>
            new TestCaseData(scenario with { Defect = defect }, violation).SetArgDisplayNames(defect.ToString(), scenario.ToString());
    }

    [TestCaseSource(nameof(EveryDefect))]
    public void Every_step_of_the_protocol_is_needed(object scenario, string violation)
    {
        var report = Explorer.Explore(new Machine((Scenario)scenario));

        TestContext.Out.WriteLine(report);
        Assert.That(report.Violation, Is.Not.Null.And.Contains(violation), report.ToString());
    }

    [Test]
    public void Every_defect_is_tried()
    {
        var tried = EveryDefect().Select(static data => ((Scenario)data.Arguments[0]!).Defect).ToHashSet();

        Assert.That(Enum.GetValues<Defect>().Where(static defect => defect != Defect.None), Is.EquivalentTo(tried));
    }
}
