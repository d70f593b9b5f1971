Feature: The service says how much it is used (held out)

  Scenario: The hits of several links are added up
    Given the service runs
    When I POST /links with {"url": "https://example.org/a"}
    And I remember "code" as first
    And I POST /links with {"url": "https://example.org/b"}
    And I remember "code" as second
    And I GET /$first 2 times
    And I GET /$second 5 times
    And I GET /stats
    Then the answer has "links" equal to 2
    And the answer has "hits" equal to 7

  Scenario: Looking at a link is not following it
    Given the service runs
    When I POST /links with {"url": "https://example.org/a"}
    And I remember "code" as code
    And I GET /links/$code 3 times
    And I GET /stats
    Then the answer is {"links": 1, "hits": 0}

  Scenario: The numbers survive a restart
    Given the service runs
    When I POST /links with {"url": "https://example.org/a"}
    And I remember "code" as code
    And I GET /$code 2 times
    And the service restarts
    And I GET /stats
    Then the answer is {"links": 1, "hits": 2}
