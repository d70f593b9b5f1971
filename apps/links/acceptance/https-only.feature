Feature: Only HTTPS in production (held out)

  Scenario: A short link is not given away over plain HTTP
    Given the service runs as production
    When I POST /links with {"url": "https://example.org/long"}
    Then the status is not 201

  Scenario: A short link works over HTTPS
    Given the service runs as production
    And every request has the header "X-Forwarded-Proto" with "https"
    When I POST /links with {"url": "https://example.org/long"}
    And I remember "code" as code
    And I GET /$code
    Then the status is 302
    And the header "Location" is "https://example.org/long"

  Scenario: Staging takes plain HTTP
    Given the service runs as staging
    When I POST /links with {"url": "https://example.org/long"}
    And I remember "code" as code
    And I GET /$code
    Then the status is 302
