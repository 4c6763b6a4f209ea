using TeraIO.Planner.Synthesis;

namespace TeraIO.Planner.Tests.Synthesis;

public sealed class PipelineScheduleTests
{
    [Test]
    public void One_stage_alternates() =>
        Assert.That(Text(PipelineSchedule.Of(1, 0, 3)), Is.EqualTo("F0 B0 F1 B1 F2 B2"));

    [Test]
    public void Early_stages_run_ahead_by_the_stages_behind_them()
    {
        Assert.Multiple(static () =>
        {
            Assert.That(Text(PipelineSchedule.Of(3, 0, 4)), Is.EqualTo("F0 F1 F2 B0 F3 B1 B2 B3"));
            Assert.That(Text(PipelineSchedule.Of(3, 2, 4)), Is.EqualTo("F0 B0 F1 B1 F2 B2 F3 B3"));
            Assert.That(Text(PipelineSchedule.Of(4, 0, 2)), Is.EqualTo("F0 F1 B0 B1"));
        });
    }

    [Test]
    public void Every_micro_batch_goes_forward_once_and_then_back_once_and_no_stage_holds_more_than_it_must()
    {
        for (int stages = 1; stages <= 6; stages++)
        {
            for (int stage = 0; stage < stages; stage++)
            {
                for (int microBatches = 1; microBatches <= 12; microBatches++) Check(stages, stage, microBatches);
            }
        }
    }

    private static void Check(int stages, int stage, int microBatches)
    {
        IReadOnlyList<StageTask> tasks = PipelineSchedule.Of(stages, stage, microBatches);
        int inFlight = 0;
        int most = 0;
        foreach (StageTask task in tasks) most = Math.Max(most, inFlight += task.IsForward ? 1 : -1);
        Assert.Multiple(() =>
        {
            Assert.That(tasks.Where(static t => t.IsForward).Select(static t => t.MicroBatch), Is.EqualTo(Enumerable.Range(0, microBatches)));
            Assert.That(tasks.Where(static t => !t.IsForward).Select(static t => t.MicroBatch), Is.EqualTo(Enumerable.Range(0, microBatches)));
            Assert.That(inFlight, Is.Zero);
            Assert.That(most, Is.EqualTo(Math.Min(microBatches, stages - stage)));
        });
    }

    private static string Text(IReadOnlyList<StageTask> tasks) => string.Join(' ', tasks.Select(static t => $"{(t.IsForward ? 'F' : 'B')}{t.MicroBatch}"));
}
