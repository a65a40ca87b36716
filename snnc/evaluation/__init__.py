"""How good and how honest probabilities are: measures, their intervals, temperature scaling, and what files predict."""
