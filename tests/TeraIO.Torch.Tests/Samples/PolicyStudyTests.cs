using TeraIO.Core;
using TeraIO.Samples.GptTraining;

namespace TeraIO.Torch.Tests.Samples;

/// <summary>The table of a study, whenever it ends.</summary>
[TestFixture]
public class PolicyStudyTests
{
    [Test]
    public void A_study_that_is_stopped_before_its_first_measured_step_prints_the_head_of_its_table()
    {
        var study = new PolicyStudy([BudgetChoice.Parse("40%")], ["planned", "on-demand"], measured: 2, rounds: 1, improving: 2, ByteSize.FromMiB(100), traffic: null);

        Assert.That(study.Rows(), Is.Empty);
        Assert.That(study.Table().Select(static line => line.Split('|').Length), Is.EqualTo(new[] { 17, 17 }));
    }
}
